-- The measures of every map with the name of its text: its edit if it has one; 'own' for the first text if each image has its own.
CREATE OR REPLACE TEMP VIEW named AS
SELECT
    label,
    CASE
        WHEN first AND (SELECT count(DISTINCT coalesce(edit, text)) > 1 FROM measures WHERE first) THEN 'own'
        ELSE coalesce(edit, text)
    END AS text,
    file_row_number AS place,
    * EXCLUDE (key, label, edit, text, class, file_row_number) REPLACE (switched::INTEGER AS switched)
FROM measures;
