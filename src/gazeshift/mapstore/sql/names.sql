-- The texts besides the first of each image, in the order in which they appear.
SELECT name
FROM (SELECT name, count(*) AS maps, min(place) AS place FROM used GROUP BY name)
LEFT JOIN (SELECT name, count(*) AS heads FROM images GROUP BY name) USING (name)
WHERE maps > coalesce(heads, 0)
ORDER BY place
LIMIT $most;
