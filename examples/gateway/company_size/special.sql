-- Who the special cases are, as the fields of `Company`; kept in the database, so that a filled gateway says so itself.

INSERT INTO "LiteLLM_Config" (param_name, param_value)
SELECT 'company-size', jsonb_build_object(
    'version', :'version',
    'last_day', :'today',
    'huge_team', pg_temp.team_id(1),
    'surging_team', pg_temp.team_id(:surging_team),
    'twins_by_case', jsonb_build_array(pg_temp.team_id(11), pg_temp.team_id(12)),
    'twins', jsonb_build_array(pg_temp.team_id(13), pg_temp.team_id(14)),
    'twins_by_accent', jsonb_build_array(pg_temp.team_id(19), pg_temp.team_id(21)),
    'hostile_teams', jsonb_build_array(pg_temp.team_id(15), pg_temp.team_id(16), pg_temp.team_id(17), pg_temp.team_id(18)),
    'idle_team', pg_temp.team_id(300),
    'logged_user', 'u' || :logged_user,
    'user_of_many_keys', 'u2',
    'user_with_commas', (SELECT user_id FROM person WHERE n = 1),
    'user_without_keys', 'u5000',
    'idle_user', (SELECT user_id FROM person WHERE dormant AND n BETWEEN 400 AND 4900
                  AND user_id NOT IN (SELECT user_id FROM booked) ORDER BY n LIMIT 1),
    'users_alike_by_prefix', jsonb_build_array('u4', 'u41', 'u410'),
    'user_who_is_a_customer', (SELECT user_id FROM person WHERE n = 40),
    'customer_with_commas', (SELECT customer_id FROM customer WHERE n = 3),
    'tag_with_commas', (SELECT tag FROM label WHERE tag LIKE '%,%'),
    'moved', (SELECT jsonb_agg(jsonb_build_object(
                  'token', token, 'alias', alias, 'before', user_id, 'after', heir_id,
                  'day', to_char(:'today'::date - moved_on, 'YYYY-MM-DD'),
                  'team_before', team_id, 'team_after', coalesce(heir_team_id, team_id)) ORDER BY j)
              FROM holder WHERE heir_id IS NOT NULL),
    'deleted', (SELECT jsonb_agg(jsonb_build_object(
                    'token', token, 'alias', alias, 'user_id', user_id, 'team_id', team_id,
                    'remembered', pg_temp.chance('purged' || j) >= 0.04) ORDER BY j)
                FROM (SELECT * FROM holder WHERE deleted AND token IN (SELECT api_key FROM booked) ORDER BY j LIMIT 60) AS few),
    'ownerless_keys', (SELECT jsonb_agg(token ORDER BY j) FROM (
        SELECT token, j FROM holder WHERE user_id = '' AND NOT deleted AND token IN (SELECT api_key FROM booked) ORDER BY j LIMIT 30) AS few),
    'keys_of_nobody_left', (SELECT jsonb_agg(token ORDER BY j) FROM (
        SELECT token, j FROM holder WHERE user_id LIKE 'left-%' AND NOT deleted ORDER BY j LIMIT 30) AS few),
    'keys_of_no_team_left', (SELECT jsonb_agg(token ORDER BY j) FROM (
        SELECT token, j FROM holder WHERE team_id <> '' AND NOT deleted AND team_id NOT IN (SELECT team_id FROM team) ORDER BY j LIMIT 30) AS few),
    'keys_without_model', (SELECT jsonb_agg(api_key ORDER BY j) FROM (
        SELECT DISTINCT api_key, j FROM booked WHERE outcome = 'none' ORDER BY j LIMIT 30) AS few));
