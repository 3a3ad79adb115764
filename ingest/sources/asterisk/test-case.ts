/** An Asterisk's queue_log, for the conformance suite. */
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ConformanceCase } from '../conformance.suite.ts'
import { createAsteriskSource } from './asterisk.ts'
import { asterisk } from './definition.ts'

const files = 'it reads files: there is nothing that answers'
const visit = (n: number): string =>
  [
    `${1_795_396_400 + n * 60}|pbx-${n}.0|support|NONE|ENTERQUEUE||+1555010${n}|1`,
    `${1_795_396_405 + n * 60}|pbx-${n}.0|support|Ada|CONNECT|5|pbx-${n}.1|3`,
    `${1_795_396_425 + n * 60}|pbx-${n}.0|support|Ada|COMPLETECALLER|5|20|1`,
    '',
  ].join('\n')

export const asteriskCase: ConformanceCase = {
  definition: asterisk,
  not_applicable: {
    credentials: 'a directory that can be read is all it needs, and the source has no check',
    future_cursor: 'its cursor is a place in a file, not a time; a file that is shorter than the cursor is read anew, as file-tail.test.ts shows',
    '429': files,
    '500': files,
    timeout: files,
    html: files,
    disorder: 'a log has no pages; asterisk.property.test.ts cuts and rotates it anywhere',
    unknown_field: 'lines have columns and no names; a further column is kept, since the payload is the line',
  },
  async start() {
    const path = await mkdtemp(join(tmpdir(), 'callhouse-conformance-'))
    const log = join(path, 'queue_log')
    // The last caller is still waiting.
    const waiting = '1795397000|pbx-9.0|support|NONE|ENTERQUEUE||+15550109|1\n'
    await writeFile(log, [0, 1, 2].map(visit).join('') + waiting)
    return {
      // Three answered visits of one entry each, a waiting one, and what Ada was doing.
      records: 10,
      source: () => createAsteriskSource({ path }),
      change: async () => {
        await appendFile(log, `1795397030|pbx-9.0|support|NONE|ABANDON|1|1|30\n${visit(20)}`)
        return { changed: { entity: 'queue_visits', native_id: 'pbx-9.0/1' }, records: 13 }
      },
      addWrong: () => appendFile(log, 'soon|pbx-10.0|support|NONE|ENTERQUEUE||+15550110|1\n'),
      stop: () => rm(path, { recursive: true, force: true }),
    }
  },
}
