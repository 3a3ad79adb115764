-- One chunk of a manifest: completed recordings with their newest transcript and
-- their call-level sentiment, both of the recording's own source. Which storage days
-- hold them is looked up first, over narrow columns, so that FINAL reads the wide
-- ones of those days only.
WITH chosen AS (
  SELECT native_id
  FROM recordings
  WHERE tenant_id = {tenant_id:String}
    AND anchor_day IN {anchor_days:Array(Date)}
    AND cityHash64(native_id) % {parts:UInt32} = {part:UInt32}
)
SELECT
  r.source_id       AS source_id,
  r.native_id       AS recording_id,
  r.anchor_day      AS anchor_day,
  r.call_id         AS call_id,
  r.queue_id        AS queue_id,
  r.agent_id        AS agent_id,
  r.customer_number AS customer_number,
  r.started_at      AS started_at,
  r.duration_ms     AS duration_ms,
  r.sample_rate_hz  AS sample_rate_hz,
  r.channels        AS channels,
  r.codec           AS codec,
  r.uri             AS uri,
  r.bytes           AS bytes,
  r.sha256          AS sha256,
  r.consent_basis   AS consent_basis,
  r.consent_scope   AS consent_scope,
  r.is_redacted     AS is_redacted,
  r.delete_at       AS delete_at,
  t.latest.1        AS text,
  t.latest.2        AS language,
  t.latest.3        AS engine,
  s.latest.1        AS sentiment_label,
  s.latest.2        AS sentiment_score,
  s.latest.3        AS sentiment_model
FROM recordings AS r FINAL
LEFT JOIN (
  SELECT source_id, recording_id, argMax((text, language, engine), (created_at, native_id)) AS latest
  FROM transcripts FINAL
  WHERE tenant_id = {tenant_id:String}
    AND anchor_day IN (SELECT anchor_day FROM transcripts WHERE tenant_id = {tenant_id:String} AND recording_id IN (chosen))
    AND recording_id IN (chosen)
  GROUP BY source_id, recording_id
) AS t ON t.source_id = r.source_id AND t.recording_id = r.native_id
LEFT JOIN (
  SELECT source_id, recording_id, argMax((label, score, model), (created_at, native_id)) AS latest
  FROM sentiment FINAL
  WHERE tenant_id = {tenant_id:String}
    AND anchor_day IN (SELECT anchor_day FROM sentiment WHERE tenant_id = {tenant_id:String} AND recording_id IN (chosen))
    AND recording_id IN (chosen)
    AND scope = 'call'
  GROUP BY source_id, recording_id
) AS s ON s.source_id = r.source_id AND s.recording_id = r.native_id
WHERE r.tenant_id = {tenant_id:String}
  AND r.anchor_day IN {anchor_days:Array(Date)}
  AND cityHash64(r.native_id) % {parts:UInt32} = {part:UInt32}
  AND r.started_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND r.started_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  AND r.status = 'completed'
  AND (r.delete_at IS NULL OR r.delete_at > fromUnixTimestamp64Milli({now_ms:Int64}, 'UTC'))
  AND ({queue_id:String} = '' OR r.queue_id = {queue_id:String})
  AND ({consent_scope:String} = '' OR r.consent_scope = {consent_scope:String})
ORDER BY r.anchor_day, r.source_id, r.native_id
