-- The pairs of an image's first map and another for the Wasserstein distance: those with the smallest hashes, so that each has the same
-- chance, and files with the same images and texts get the same pairs.
SELECT place
FROM (
    SELECT used.place, md5_number_lower(concat_ws(chr(31), $seed, key, used.name)) AS hash
    FROM used
    JOIN images USING (key)
    WHERE used.place <> images.head
    ORDER BY hash, used.place
    LIMIT $count
)
ORDER BY place;
