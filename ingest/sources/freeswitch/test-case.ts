/** FreeSWITCH's err-log directory, for the conformance suite. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ConformanceCase } from '../conformance.suite.ts'
import { freeswitch } from './definition.ts'
import { createFreeswitchSource } from './freeswitch.ts'
import { A, agentCdr, agentVariables, B, cdr, encodedValues, goodAudio, memberCdr, memberVariables } from './test-cdrs.ts'

const files = 'it reads files: there is nothing that answers'

export const freeswitchCase: ConformanceCase = {
  definition: freeswitch,
  not_applicable: {
    credentials: 'the switch comes to the source, which asks it for its own: freeswitch.test.ts',
    future_cursor: 'its cursor is the names of files with their sizes, not a time',
    '429': files,
    '500': files,
    timeout: files,
    html: files,
    disorder: 'a file is one CDR, and each leg is read by itself',
  },
  async start() {
    const path = await mkdtemp(join(tmpdir(), 'callhouse-conformance-'))
    const put = (uuid: string, text: string): Promise<void> => writeFile(join(path, `${uuid}.cdr.json`), `${text}\n`)
    const leg = (uuid: string, changes: Record<string, string> = {}): string =>
      JSON.stringify(cdr({ variables: encodedValues({ ...agentVariables, uuid, ...changes }) }))
    await put(A, memberCdr)
    await put(B, agentCdr)
    return {
      // A call, its two legs, and a visit.
      records: 4,
      source: () => createFreeswitchSource({ path }),
      change: async () => {
        await put(B, leg(B, { hangup_cause: 'MEDIA_TIMEOUT', end_uepoch: '1772355661800000' }))
        await put('late', leg('late'))
        return { changed: { entity: 'call_legs', native_id: B }, records: 5 }
      },
      addUnknown: async () => {
        await put('odd', leg('odd', { brand_new: 'variable' }))
        return { entity: 'call_legs', native_id: 'odd', text: '"brand_new":"variable"' }
      },
      addWrong: async () => {
        const audio = { ...goodAudio, mos: 'fine' }
        await put('wrong', JSON.stringify(cdr({ variables: encodedValues({ ...memberVariables, uuid: 'wrong' }), audio })))
        await put('less', leg('less', { billmsec: '-1' }))
      },
      stop: () => rm(path, { recursive: true, force: true }),
    }
  },
}
