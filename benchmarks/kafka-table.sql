CREATE TABLE kafka_calls
(
  entity String,
  record Tuple(
    native_id String, anchor_at DateTime64(3, 'UTC'), version UInt64, direction String, from_number String, to_number String,
    started_at DateTime64(3, 'UTC'), answered_at Nullable(DateTime64(3, 'UTC')), ended_at Nullable(DateTime64(3, 'UTC')), disposition String,
    hangup_cause String, first_queue_id String, final_agent_id String, trunk_id String, leg_count UInt32, transfer_count UInt32, ring_ms UInt32,
    talk_ms UInt32, hold_ms UInt32, wrap_up_ms UInt32, cost Nullable(Decimal(18, 6)), currency String, payload String)
)
ENGINE = Kafka
SETTINGS kafka_broker_list = {brokers:String}, kafka_topic_list = {topic:String}, kafka_group_name = {group:String}, kafka_format = 'JSONEachRow',
  kafka_num_consumers = 1, kafka_flush_interval_ms = 1000, date_time_input_format = 'best_effort'
