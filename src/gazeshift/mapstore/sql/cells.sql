-- The mean and variance of each measure by class and text; an empty label or text means all of them.
WITH wide AS (
    SELECT
        label, text, count(*) AS maps, avg(undefined::INTEGER) AS undefined, count(*) FILTER (NOT first) AS later, min(place) AS place,
        struct_pack(
            n := count(COLUMNS(* EXCLUDE (label, text, place, first, undefined))),
            mean := avg(COLUMNS(* EXCLUDE (label, text, place, first, undefined))),
            variance := var_samp(COLUMNS(* EXCLUDE (label, text, place, first, undefined)))
        ) AS '\0'
    FROM named
    GROUP BY GROUPING SETS ((label, text), (label), (text), ())
    HAVING label IS NOT NULL OR grouping(label) = 1
)
SELECT label, text, measure, value.n, value.mean, value.variance, maps, undefined
FROM (UNPIVOT wide ON COLUMNS(* EXCLUDE (label, text, maps, undefined, later, place)) INTO NAME measure VALUE value)
WHERE
    later > 0
    OR measure NOT IN (
        'js_bits', 'js_distance', 'pearson', 'iou', 'amplitude_change', 'coverage_change', 'switched', 'wasserstein'
    )
ORDER BY label NULLS LAST, text IS NULL, place, measure;
