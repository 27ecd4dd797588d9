-- Teams, users, keys, models, tags and customers, each from its number alone: no random(), no clock but :today.
-- Set before: today (a date), seed, and the temporary table odd_name(kind, n, name).

SET client_min_messages = error;
SET timezone = 'UTC';

-- A number in [0, 1) that belongs to a name.
CREATE FUNCTION pg_temp.chance(what text) RETURNS double precision IMMUTABLE LANGUAGE sql AS
$$ SELECT ('x' || substr(md5('steward' || what), 1, 8))::bit(32)::bigint::double precision / 4294967296 $$;

CREATE FUNCTION pg_temp.uuid(what text) RETURNS text IMMUTABLE LANGUAGE sql AS
$$ SELECT md5('steward' || what)::uuid::text $$;

CREATE FUNCTION pg_temp.team_id(n int) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT pg_temp.uuid('team' || n) $$;

-- Low numbers are picked more often: a few large teams and busy users, and many small ones.
CREATE FUNCTION pg_temp.pick(what text, among int, skew double precision) RETURNS int IMMUTABLE LANGUAGE sql AS
$$ SELECT 1 + floor(among * power(pg_temp.chance(what), skew))::int $$;

CREATE TEMP TABLE team AS
SELECT n,
       pg_temp.team_id(n) AS team_id,
       coalesce((SELECT name FROM odd_name WHERE kind = 'team' AND odd_name.n = team.n),
                (ARRAY['Payments', 'Search', 'Logistics', 'Legal', 'Finance', 'Security', 'Design', 'Sales', 'Support',
                       'Research', 'Mobile', 'Web', 'Fraud', 'Pricing', 'Recruiting', 'Claims', 'Billing', 'Maps',
                       'Translation', 'Compliance', 'Insights', 'Content', 'Partners', 'Procurement', 'Quality',
                       'Identity', 'Messaging', 'Video', 'Forecasting', 'Onboarding'])[1 + n % 30]
                || ' ' ||
                (ARRAY['EMEA', 'Americas', 'APAC', 'Nordics', 'DACH', 'Iberia', 'UK', 'India', 'Japan', 'Labs'])[1 + n / 30 % 10]
       ) AS alias,
       :'today'::date - 150 - floor(300 * pg_temp.chance('team-age' || n))::int AS born
FROM generate_series(1, 300) AS team(n);

CREATE TEMP TABLE person AS
SELECT n,
       coalesce((SELECT name FROM odd_name WHERE kind = 'user' AND odd_name.n = person.n), 'u' || n) AS user_id,
       coalesce((SELECT name FROM odd_name WHERE kind = 'user alias' AND odd_name.n = person.n), given || ' ' || family) AS alias,
       CASE WHEN n % 97 = 0 THEN NULL ELSE lower(given || '.' || family) || n || '@example.com' END AS email,
       CASE WHEN n % 500 = 0 THEN 'proxy_admin_viewer' WHEN n % 11 = 0 THEN 'internal_user_viewer' ELSE 'internal_user' END AS role,
       pg_temp.pick('home' || n, 294, 2.2) AS team_n,
       CASE WHEN pg_temp.chance('second' || n) < 0.2 THEN pg_temp.pick('second home' || n, 294, 1.2) END AS second_team_n,
       pg_temp.chance('dormant' || n) < 0.1 AS dormant,
       :'today'::date - 130 - floor(300 * pg_temp.chance('user-age' || n))::int AS born
FROM (
    SELECT n,
           (ARRAY['Ada', 'Boris', 'Chloe', 'Dmitri', 'Elif', 'Farid', 'Grace', 'Hiro', 'Ines', 'Jonas', 'Kavya', 'Liam', 'Mei',
                  'Noor', 'Olga', 'Pablo', 'Quinn', 'Rosa', 'Sven', 'Tariq', 'Uma', 'Vera', 'Wanda', 'Ximena', 'Yusuf'])[1 + n % 25] AS given,
           (ARRAY['Abe', 'Brandt', 'Costa', 'Dubois', 'Eriksen', 'Fischer', 'Garcia', 'Haddad', 'Ito', 'Jensen', 'Kumar', 'Lopez',
                  'Meyer', 'Novak', 'Okafor', 'Petrov', 'Quist', 'Rossi', 'Singh', 'Tanaka'])[1 + n / 25 % 20] AS family
    FROM generate_series(1, 5000) AS n
) AS person;
ALTER TABLE person ADD PRIMARY KEY (n);

-- Keys: the last hundred users have none, users 1 to 20 have more than fifty.
CREATE TEMP TABLE issued AS
SELECT j,
       encode(sha256(('sk-company-' || j)::bytea), 'hex') AS token,
       owner_n, kind,
       person.user_id AS owner_id,
       team_n AS owner_team_n,
       coalesce(second_team_n, pg_temp.pick('guest' || j, 294, 1)) AS other_team_n,
       dormant,
       j % 333 = 5 AS serves_customers,
       owner_n BETWEEN 200 AND 299 AND pg_temp.chance('deleted' || j) < 0.25 AS deleted,
       least(person.born, :'today'::date - 61 - floor(90 * pg_temp.chance('key-age' || j))::int) AS born
FROM (
    SELECT j, pg_temp.pick('owner' || j, 4900, 1.6) AS owner_n, pg_temp.chance('kind' || j) AS kind
    FROM generate_series(1, 50000) AS j
) AS drawn JOIN person ON person.n = owner_n;
ALTER TABLE issued ADD PRIMARY KEY (j);

-- A key that changes hands goes to the user thirty numbers on, and every other one into the new owner's team.
CREATE TEMP TABLE moved AS
SELECT j, heir.user_id AS heir_id, heir.team_n AS heir_team_n, 5 + owner_n % 25 AS moved_on
FROM (SELECT min(j) AS j, owner_n FROM issued
      WHERE owner_n BETWEEN 301 AND 324 AND NOT serves_customers AND kind >= 0.185 GROUP BY owner_n) AS first
JOIN person AS heir ON heir.n = owner_n + 30;

-- `held`: what the key says before it moves (is there a move), which is what it says now otherwise.
CREATE TEMP TABLE held AS
SELECT issued.*,
       CASE WHEN kind < 0.035 THEN '' WHEN pg_temp.chance('gone' || j) < 0.003 THEN 'left-' || j % 40 ELSE owner_id END AS user_id,
       CASE WHEN pg_temp.chance('gone-team' || j) < 0.0015 THEN pg_temp.uuid('gone team' || j % 8)
            WHEN kind < 0.030 THEN pg_temp.team_id(other_team_n)
            WHEN kind < 0.135 THEN ''
            WHEN kind < 0.185 THEN pg_temp.team_id(other_team_n)
            ELSE pg_temp.team_id(owner_team_n) END AS team_id,
       heir_id, CASE WHEN owner_n % 2 = 0 THEN pg_temp.team_id(heir_team_n) END AS heir_team_id, moved_on,
       CASE WHEN deleted THEN 2 + floor(40 * pg_temp.chance('deleted on' || j))::int ELSE -1 END AS deleted_on,
       CASE WHEN owner_n = :logged_user THEN 'worker-' || j
            WHEN pg_temp.chance('no alias' || j) < 0.05 THEN NULL
            ELSE coalesce((SELECT name FROM odd_name WHERE kind = 'key' AND n = j),
                 (ARRAY['laptop', 'notebook', 'ci', 'batch', 'prod', 'staging', 'agent', 'eval'])[1 + j % 8] || '-' || j) END AS alias,
       (ARRAY['active', 'blocked', 'expired', 'expiring'])[CASE
           WHEN pg_temp.chance('state' || j) < 0.01 THEN 2 WHEN pg_temp.chance('state' || j) < 0.06 THEN 3
           WHEN pg_temp.chance('state' || j) < 0.08 THEN 4 ELSE 1 END] AS state
FROM issued LEFT JOIN moved USING (j);

-- How likely a key is used on a day. Most never are; half of those were once, before the books begin.
CREATE TEMP TABLE holder AS
SELECT held.*,
       CASE WHEN dormant AND NOT deleted THEN 0
            WHEN owner_n = :logged_user THEN CASE WHEN j % 3 = 0 THEN 0.4 ELSE 0 END
            WHEN serves_customers THEN 0.5
            WHEN heir_id IS NOT NULL THEN 0.9
            WHEN deleted THEN 0.3
            WHEN pg_temp.chance('busy' || j) < 0.80 THEN 0
            WHEN pg_temp.chance('busy' || j) < 0.97 THEN 0.06 + 0.38 * pg_temp.chance('how busy' || j)
            ELSE 0.62 + 0.38 * pg_temp.chance('how busy' || j) END AS busy,
       pg_temp.chance('once' || j) < 0.5 AS used_before
FROM held;
UPDATE holder SET busy = 1 WHERE j = (SELECT min(j) FROM holder WHERE owner_n = :logged_user AND NOT deleted);
ALTER TABLE holder ADD PRIMARY KEY (j);

-- Models by public name; gpt-4o has two providers, and one provider's model has two public names, of which a key uses one.
CREATE TEMP TABLE model (m int, grouped text, provider text, raw text, price_in numeric, price_out numeric, endpoint text);
INSERT INTO model VALUES
    (1, 'gpt-4o', 'openai', 'gpt-4o', 0.0000025, 0.00001, '/chat/completions'),
    (2, 'gpt-4o', 'azure', 'gpt-4o', 0.00000275, 0.000011, '/chat/completions'),
    (3, 'gpt-4o-mini', 'openai', 'gpt-4o-mini', 0.00000015, 0.0000006, '/chat/completions'),
    (4, 'fast', 'openai', 'gpt-4o-mini', 0.00000015, 0.0000006, '/chat/completions'),
    (5, 'claude-sonnet', 'anthropic', 'claude-sonnet-4-20250514', 0.000003, 0.000015, '/chat/completions'),
    (6, 'claude-opus', 'anthropic', 'claude-opus-4-20250514', 0.000015, 0.000075, '/chat/completions'),
    (7, 'gpt-3.5-turbo', 'openai', 'gpt-3.5-turbo', 0.0000005, 0.0000015, '/chat/completions'),
    (8, 'gemini-flash', 'vertex_ai', 'gemini-2.0-flash', 0.000000137, 0.00000041, '/chat/completions'),
    (9, 'llama-local', 'openai', 'llama-local-8b', 0, 0, '/chat/completions'),
    (10, 'text-embedding', 'openai', 'text-embedding-3-large', 0.00000013, 0, '/embeddings'),
    (11, 'image', 'openai', 'dall-e-3', 0, 0, '/images/generations'),
    (12, 'legacy-assistant', 'openai', 'legacy-assistant', 0.00000333, 0.00000777, '/chat/completions');

CREATE TEMP TABLE label AS
SELECT n AS label_n, name AS tag FROM odd_name WHERE kind = 'tag';

CREATE TEMP TABLE customer AS
SELECT n, coalesce((SELECT name FROM odd_name WHERE kind = 'customer' AND odd_name.n = c.n), 'customer-' || n) AS customer_id
FROM generate_series(1, 400) AS c(n);
