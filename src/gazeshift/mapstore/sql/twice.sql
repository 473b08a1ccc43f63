-- An image with several maps of one text. Its own text may be one of the texts that all images share.
SELECT key, many.name
FROM (SELECT key, name, count(*) AS maps, min(place) AS place FROM used GROUP BY key, name HAVING count(*) > 1) AS many
JOIN images USING (key)
WHERE many.maps > 1 + ($own AND many.name = images.name)::INTEGER
ORDER BY many.place
LIMIT 1;
