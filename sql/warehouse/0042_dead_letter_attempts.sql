ALTER TABLE dead_letters
  ADD COLUMN IF NOT EXISTS attempts UInt16 DEFAULT 0,
  ADD COLUMN IF NOT EXISTS tried_at Nullable(DateTime64(3, 'UTC'))
