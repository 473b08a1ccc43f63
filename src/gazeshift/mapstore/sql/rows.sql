-- Every stored map with the columns that a file may lack, and the name by which its text is compared across images.
CREATE OR REPLACE TEMP VIEW every AS
SELECT
    key, label, class, height, width, edit,
    coalesce(edit, stored.text, texts.text) AS name,
    coalesce(text_index, 0) = 0 AS head,
    coalesce(status, 'ok') AS status,
    coalesce(target, 'predicted') AS target,
    (file_index::BIGINT << 40) + file_row_number AS place -- ascending in the order of the files
FROM (
    SELECT *, file_index FROM read_parquet(getvariable('files'), file_row_number = true, union_by_name = true)
    UNION ALL BY NAME
    SELECT
        NULL::VARCHAR AS label, NULL::VARCHAR AS edit, NULL::VARCHAR AS text, NULL::VARCHAR AS status,
        NULL::VARCHAR AS target, NULL::INTEGER AS text_index, NULL::BIGINT AS text_id
    WHERE false
) AS stored
LEFT JOIN texts ON stored.text_id = texts.text_id;

-- Those to measure: only maps of the predicted class, where there are any.
CREATE OR REPLACE TEMP VIEW used AS
FROM every
WHERE status = 'ok' AND (target = 'predicted' OR NOT EXISTS (FROM every WHERE target = 'predicted'));

-- Every image: its maps, and the first of them, with which the others are compared.
CREATE OR REPLACE TEMP TABLE images AS
SELECT
    key, count(*) AS maps, min(place) AS place,
    min(place) FILTER (head) AS head,
    arg_min(name, place) FILTER (head) AS name,
    arg_min(edit, place) FILTER (head) AS edit
FROM used
GROUP BY key;
