-- What people, teams, keys and customers have spent, and what they may: after `booked`, before the tables.

-- A budget window ends `resets` days ahead (0: within hours) and is `window` days long; without one, all sixty days count.
CREATE TEMP TABLE spent_by_key AS
SELECT api_key AS token, sum(spend) AS spend, max(date) AS last_date,
       sum(spend) FILTER (WHERE ago < 30 - floor(pg_temp.chance('resets' || j) * 30)) AS in_window
FROM booked WHERE j > 0 AND successes > 0 GROUP BY api_key, j;

CREATE TEMP TABLE key_now AS
SELECT holder.*,
       coalesce(heir_id, user_id) AS user_now,
       coalesce(heir_team_id, team_id) AS team_now,
       last_date,
       with_budget, windowed, resets,
       coalesce(spend, CASE WHEN used_before THEN round((40 * power(pg_temp.chance('before' || j), 4))::numeric, 6) ELSE 0 END) AS total_spend,
       coalesce(CASE WHEN windowed THEN in_window ELSE spend END,
                CASE WHEN used_before AND NOT windowed THEN round((40 * power(pg_temp.chance('before' || j), 4))::numeric, 6) ELSE 0 END) AS spend_now
FROM holder LEFT JOIN spent_by_key USING (token)
CROSS JOIN LATERAL (SELECT pg_temp.chance('budget' || j) < 0.4 AS with_budget,
                           pg_temp.chance('budget' || j) < 0.25 AS windowed,
                           floor(pg_temp.chance('resets' || j) * 30)::int AS resets) AS rules;
ALTER TABLE key_now ADD PRIMARY KEY (j);

-- A limit for somebody who spent so much: a round one well above, or nearly reached, or passed.
CREATE FUNCTION pg_temp.limit_for(who text, spent numeric) RETURNS numeric IMMUTABLE LANGUAGE sql AS $$
    SELECT CASE WHEN spent > 0.5 AND pg_temp.chance('near' || who) < 0.06 THEN round(spent / 0.96, 2)
                WHEN spent > 0.5 AND pg_temp.chance('near' || who) < 0.09 THEN round(spent / 1.17, 2)
                ELSE (SELECT min(nice) FROM unnest(ARRAY[5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 100000]) AS nice
                      WHERE nice > spent * 1.4) END $$;

CREATE TEMP TABLE team_now AS
SELECT team.*, windowed, resets, coalesce(CASE WHEN windowed THEN in_window ELSE spend END, 0) AS spend_now, with_budget
FROM team
CROSS JOIN LATERAL (SELECT pg_temp.chance('team budget' || n) < 0.7 AS with_budget,
                           pg_temp.chance('team budget' || n) < 0.5 AS windowed,
                           floor(pg_temp.chance('team resets' || n) * 30)::int AS resets) AS rules
LEFT JOIN (SELECT spender.team_id AS spender, sum(spend) AS spend,
                  sum(spend) FILTER (WHERE ago < 30 - floor(pg_temp.chance('team resets' || spender.n) * 30)) AS in_window
           FROM booked JOIN team AS spender USING (team_id) GROUP BY spender.team_id) AS sums ON sums.spender = team.team_id;

CREATE TEMP TABLE person_now AS
SELECT person.*, windowed, resets, coalesce(CASE WHEN windowed THEN in_window ELSE spend END, 0) AS spend_now, with_budget
FROM person
CROSS JOIN LATERAL (SELECT pg_temp.chance('user budget' || n) < 0.3 AS with_budget,
                           pg_temp.chance('user budget' || n) < 0.2 AS windowed,
                           floor(pg_temp.chance('user resets' || n) * 30)::int AS resets) AS rules
LEFT JOIN (SELECT booked.user_id AS spender, sum(spend) AS spend,
                  sum(spend) FILTER (WHERE ago < 30 - floor(pg_temp.chance('user resets' || spender.n) * 30)) AS in_window
           FROM booked JOIN person AS spender USING (user_id) GROUP BY booked.user_id) AS sums ON sums.spender = person.user_id;

CREATE TEMP TABLE customer_now AS
SELECT customer.*, coalesce(spend, 0) AS spend_now, n % 5 = 0 AS with_budget
FROM customer LEFT JOIN (SELECT customer AS customer_id, sum(spend) AS spend FROM booked WHERE customer <> '' GROUP BY 1) AS sums USING (customer_id);

-- One log row for each request of the rows that are logged; the first carries what does not divide.
CREATE TEMP TABLE log AS
SELECT booked.*, nth,
       pg_temp.uuid('request' || id || '/' || nth) AS request,
       :'today'::date - ago + interval '1 second' * (pg_temp.chance('at' || id || '/' || nth) * CASE WHEN ago = 0 THEN :elapsed ELSE 86399 END) AS began,
       0.2 + 9 * pg_temp.chance('took' || id || '/' || nth) AS took,
       prompt / requests + CASE WHEN nth = 1 THEN prompt % requests ELSE 0 END AS log_prompt,
       completion / requests + CASE WHEN nth = 1 THEN completion % requests ELSE 0 END AS log_completion,
       CASE WHEN nth = 1 THEN spend - (requests - 1) * round(spend / requests, 8) ELSE round(spend / requests, 8) END AS log_spend,
       (SELECT name FROM odd_name WHERE kind = 'error' AND n = 1 + (id + nth) % 4) AS error
FROM booked CROSS JOIN generate_series(1, requests) AS nth WHERE logged;
