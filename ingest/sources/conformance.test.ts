/** Every source that has a case does what every source must do; which have none is said, and why. */
import { expect, test } from 'vitest'
import { amazonConnectCase } from './amazon-connect/test-case.ts'
import { asteriskCase } from './asterisk/test-case.ts'
import { conforms } from './conformance.suite.ts'
import { freeswitchCase } from './freeswitch/test-case.ts'
import { sourceDefinitions } from './index.ts'
import { pretendCase } from './pretend-test-case.ts'
import { ringcentralCase } from './ringcentral/ringcentral.case.ts'
import { twilioCase } from './twilio/test-case.ts'

const cases = [pretendCase, asteriskCase, twilioCase, ringcentralCase, freeswitchCase, amazonConnectCase]
/** Kinds that are shown to do the same elsewhere. */
const elsewhere: Readonly<Record<string, string>> = {
  kafka: 'a pull never ends, and a log of offsets has neither pages nor a look-back: kafka.test.ts, kafka.suite.ts and fuzz.kafka.test.ts',
  rest: 'what it does is written in a file per system: rest/*.test.ts',
  files: 'it reads what there is: files/*.test.ts',
}

for (const one of cases) conforms(one)

test.each(Object.entries(elsewhere))('%s has no case: %s', (kind) => {
  expect(cases.map(({ definition }) => definition.kind)).not.toContain(kind)
})

test('every kind has a case, or a reason for having none', () => {
  const known = [...cases.map(({ definition }) => definition.kind), ...Object.keys(elsewhere)]
  for (const { kind } of sourceDefinitions) expect(known).toContain(kind)
})
