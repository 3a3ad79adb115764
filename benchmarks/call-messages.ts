/** A backlog for Kafka: canonical calls as a phone system might send them, each with the vendor's own words as its payload. */
import type { OutgoingMessage } from '../fixtures/servers/kafka-cluster.ts'

const START_MS = Date.UTC(2026, 9, 26)
const SPAN_MS = 5 * 86_400_000

/** `count` answered calls over five days; the same ones every time. */
export function* callMessages(count: number): Generator<OutgoingMessage> {
  for (let n = 0; n < count; n++) {
    const started_ms = START_MS + Math.floor((n * SPAN_MS) / count)
    const [ring_ms, talk_ms] = [3_000 + ((n * 7_919) % 20_000), 10_000 + ((n * 104_729) % 600_000)]
    const time = (ms: number): string => new Date(started_ms + ms).toISOString()
    const native_id = `call-${(n * 2_654_435_761) % 4_294_967_296}-${n}`
    const numbers = { from: `+1202555${String(n % 10_000).padStart(4, '0')}`, to: `+120255501${String(n % 50).padStart(2, '0')}` }
    const payload = JSON.stringify({
      id: native_id,
      state: 'completed',
      ...numbers,
      start: time(0),
      answer: time(ring_ms),
      hangup: 'normal',
      talk_ms,
    })
    const record = {
      native_id,
      anchor_at: time(0),
      version: started_ms + ring_ms + talk_ms,
      direction: 'inbound',
      from_number: numbers.from,
      to_number: numbers.to,
      started_at: time(0),
      answered_at: time(ring_ms),
      ended_at: time(ring_ms + talk_ms),
      disposition: 'answered',
      hangup_cause: 'normal',
      first_queue_id: `queue-${n % 8}`,
      final_agent_id: `agent-${n % 120}`,
      trunk_id: 'trunk-1',
      leg_count: 2,
      transfer_count: 0,
      ring_ms,
      talk_ms,
      hold_ms: 0,
      wrap_up_ms: 15_000,
      cost: (talk_ms / 6_000_000).toFixed(6),
      currency: 'USD',
      payload,
    }
    yield { key: native_id, value: JSON.stringify({ entity: 'calls', record }) }
  }
}
