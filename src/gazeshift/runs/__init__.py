"""What a study leaves: where everything lies in its folder, and the typed contents of its two JSON files."""
