-- What was used: one row of `used` for a key, a day, a model, a customer and an outcome; then `booked`, the same as
-- this release of LiteLLM writes it. `ago` counts days back from :today. Set before: style (old or new), master_key_hash.

CREATE TEMP TABLE worked AS
SELECT holder.*, ago
FROM holder CROSS JOIN generate_series(0, 59) AS ago
WHERE busy > 0 AND ago > deleted_on
  AND pg_temp.chance('worked' || j || '/' || ago) < busy * CASE WHEN ago % 7 IN (2, 3) AND NOT serves_customers AND busy < 1 THEN 0.45 ELSE 1 END;
-- A key is used by both of its owners on the day it changes hands.
INSERT INTO worked SELECT holder.*, moved_on FROM holder WHERE heir_id IS NOT NULL
    AND NOT EXISTS (SELECT FROM worked WHERE worked.j = holder.j AND worked.ago = holder.moved_on);

CREATE TEMP TABLE picked AS
SELECT j, ago, turn, was_heir,
       CASE turn WHEN 1 THEN first_m WHEN 2 THEN 1 + (first_m + 3) % 11 ELSE 1 + (first_m + 6) % 11 END AS m
FROM (
    SELECT worked.j, ago, turn, was_heir,
           CASE WHEN serves_customers THEN (ARRAY[3, 5, 7])[1 + worked.j % 3]
                ELSE (ARRAY[1, 1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 7, 7, 8, 8, 9, 10, 1, 5, 3])[1 + floor(20 * pg_temp.chance('model' || worked.j))::int] END AS first_m
    FROM worked
    CROSS JOIN generate_series(1, 3) AS turn
    CROSS JOIN LATERAL (SELECT unnest(CASE WHEN moved_on IS NULL OR ago > moved_on THEN ARRAY[false]
                                           WHEN ago = moved_on THEN ARRAY[false, true] ELSE ARRAY[true] END) AS was_heir) AS hands
    WHERE turn = 1 OR owner_n = :logged_user AND busy = 1
       OR turn = 2 AND pg_temp.chance('turn2' || worked.j || '/' || ago) < 0.5
       OR turn = 3 AND pg_temp.chance('turn3' || worked.j || '/' || ago) < 0.12
) AS turns;

CREATE TEMP TABLE used (
    outcome text, user_id text, team_id text, token text, j int, ago int, m int, customer text,
    requests int, prompt bigint, completion bigint, cached bigint, spend numeric, logged boolean, tags int[]);

INSERT INTO used
SELECT 'ok',
       CASE WHEN was_heir THEN heir_id ELSE user_id END,
       CASE WHEN was_heir THEN coalesce(heir_team_id, team_id) ELSE team_id END,
       token, j, ago, m, customer, requests, prompt, completion, CASE WHEN m IN (1, 5) THEN prompt / 3 ELSE 0 END,
       CASE WHEN m = 11 THEN requests * 0.04 ELSE prompt * price_in + completion * price_out END,
       -- Logs are kept of the last two days, and of those for whom they are the only way to find out.
       ago < 2 OR customer <> '' OR owner_n = :logged_user OR owner_n BETWEEN 200 AND 299
           OR owner_n BETWEEN 301 AND 324 OR owner_n BETWEEN 331 AND 354,
       CASE WHEN pg_temp.chance('tagged' || j) >= 0.15 THEN '{}'
            WHEN pg_temp.chance('tagged' || j) < 0.05 THEN ARRAY[1 + j % 14]
            WHEN pg_temp.chance('tagged' || j) < 0.10 THEN ARRAY[1 + j % 12, 13 + j % 2]
            ELSE ARRAY[1 + j % 14, 15 + j % 2] END
FROM (
    SELECT picked.*, model.price_in, model.price_out, holder.user_id, holder.team_id, heir_id, heir_team_id, token, owner_n, busy, customer,
           requests,
           CASE WHEN m = 11 THEN 0 ELSE requests * (150 + floor(4000 * power(dice2, 2)))::bigint + floor(100 * dice3)::bigint END AS prompt,
           CASE WHEN m IN (10, 11) THEN 0 ELSE requests * (20 + floor(900 * power(dice3, 2)))::bigint + floor(50 * dice2)::bigint END AS completion
    FROM picked JOIN holder USING (j) JOIN model USING (m)
    CROSS JOIN LATERAL (
        SELECT '' AS customer WHERE NOT serves_customers
        UNION SELECT customer_id FROM generate_series(1, 3) AS nth
              JOIN customer ON customer.n = pg_temp.pick('customer' || picked.j || '/' || ago || '/' || nth, 400, 1.8) WHERE serves_customers
    ) AS served
    CROSS JOIN LATERAL (SELECT md5('dice' || picked.j || '/' || ago || '/' || m || was_heir || customer) AS dice) AS thrown
    CROSS JOIN LATERAL (
        SELECT ('x' || substr(dice, 1, 6))::bit(24)::int / 16777216.0::double precision AS dice1,
               ('x' || substr(dice, 7, 6))::bit(24)::int / 16777216.0::double precision AS dice2,
               ('x' || substr(dice, 13, 6))::bit(24)::int / 16777216.0::double precision AS dice3
    ) AS dices
    CROSS JOIN LATERAL (
        SELECT (CASE WHEN customer <> '' THEN 1 + floor(2 * dice1)
                     WHEN owner_n = :logged_user AND busy = 1 AND ago < 30 THEN 260 + floor(80 * dice1)
                     -- One team's use of one model grows eightfold in the last week: what drives the change.
                     WHEN holder.team_id = pg_temp.team_id(:surging_team) AND m IN (5, 6) AND ago < 7 THEN 8 * (1 + floor(14 * power(dice1, 3)))
                     ELSE 1 + floor(14 * power(dice1, 3)) END)::int AS requests
    ) AS counted
) AS rolled;

-- Failed calls: of a known model, and of models that do not exist, under whatever the caller wrote.
INSERT INTO used
SELECT CASE WHEN pg_temp.chance('wrong' || j || '/' || ago) < 0.25 THEN 'unknown' ELSE 'failed' END,
       user_id, team_id, token, j, ago, CASE WHEN pg_temp.chance('legacy' || j) < 0.2 THEN 12 ELSE m END, customer, 1 + floor(3 * pg_temp.chance('failures' || j || '/' || ago))::int,
       0, 0, 0, 0, logged, tags
FROM used WHERE outcome = 'ok' AND customer = '' AND pg_temp.chance('fails' || j || '/' || ago || '/' || m) < 0.07;

-- Calls that belong to no model: a pass-through that costs, refused keys, the proxy's own health checks, the administrator's.
INSERT INTO used
SELECT 'none', user_id, team_id, token, j, ago, 0, '', 3 + j % 5, 0, 0, 0, (3 + j % 5) * 0.0137, ago < 2 OR logged, '{}'
FROM used WHERE outcome = 'ok' AND customer = '' AND pg_temp.chance('passes through' || j || '/' || ago || '/' || m) < 0.004;
INSERT INTO used
SELECT 'refused', '', '', encode(sha256(('sk-mistyped-' || ago % 5)::bytea), 'hex'), 0, ago, 0, '', 2 + ago % 4, 0, 0, 0, 0, ago < 2, '{}'
FROM generate_series(0, 59) AS ago;
INSERT INTO used
SELECT 'health', '', 'litellm-internal-health-check', 'litellm-internal-health-check', 0, ago, m, '', 24, 240, 24 * 10, 0,
       240 * price_in + 24 * 10 * price_out, ago < 2, '{}'
FROM generate_series(0, 59) AS ago CROSS JOIN model WHERE m IN (1, 3, 5, 9);
INSERT INTO used
SELECT 'ok', 'default_user_id', '', CASE :'style' WHEN 'new' THEN 'litellm_proxy_master_key' ELSE :'master_key_hash' END,
       0, ago, 7, '', 2, 700, 90, 0, 700 * price_in + 90 * price_out, ago < 2, '{}'
FROM generate_series(0, 59, 4) AS ago JOIN model ON m = 7;

-- `booked`: how this release writes each of them.
CREATE TEMP TABLE booked AS
SELECT row_number() OVER (ORDER BY token, user_id, ago, m, outcome, customer) AS id,
       outcome, user_id, team_id, j, ago, customer, logged, tags, cached, spend, requests, completion,
       to_char(:'today'::date - ago, 'YYYY-MM-DD') AS date,
       token AS api_key,
       CASE WHEN outcome IN ('none', 'refused') THEN ''
            WHEN outcome = 'unknown' THEN CASE :'style' WHEN 'new' THEN 'unknown-model' ELSE wrong_name END
            ELSE provider || '/' || raw END AS model,
       CASE WHEN outcome IN ('ok', 'failed', 'health') THEN grouped ELSE '' END AS model_group,
       CASE WHEN outcome IN ('ok', 'health') OR (outcome = 'failed' AND :'style' = 'new') THEN provider ELSE '' END AS provider,
       CASE WHEN outcome IN ('ok', 'health') OR (outcome IN ('failed', 'unknown') AND :'style' = 'new')
            THEN coalesce(endpoint, '/chat/completions') ELSE '' END AS endpoint,
       CASE WHEN outcome = 'failed' AND :'style' = 'new' THEN requests * CASE m WHEN 11 THEN 0 ELSE 180 END ELSE prompt END AS prompt,
       CASE WHEN failing THEN 0 ELSE requests END AS successes,
       CASE WHEN failing THEN requests ELSE 0 END AS failures
FROM used LEFT JOIN model USING (m)
LEFT JOIN LATERAL (SELECT name AS wrong_name FROM odd_name WHERE kind = 'wrong model' AND n = 1 + used.j % 6) AS wrong ON true
CROSS JOIN LATERAL (SELECT outcome IN ('failed', 'unknown', 'refused') AS failing) AS ended;
ANALYZE booked;
