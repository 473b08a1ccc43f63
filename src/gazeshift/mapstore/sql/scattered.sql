-- An image whose maps are in two places.
SELECT key
FROM every
GROUP BY key
HAVING max(place) - min(place) + 1 > count(*)
ORDER BY min(place)
LIMIT 1;
