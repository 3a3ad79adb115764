/** Files of CSV or NDJSON with a mapping, as a kind of source. */
import { entityNames } from '../../records/index.ts'
import type { SourceDefinition } from '../definition.ts'
import { createFilesSource } from './files.ts'
import type { FilesOptions } from './options.ts'

export const files: SourceDefinition = {
  kind: 'files',
  spec: {
    title: 'CSV and NDJSON files',
    entities: entityNames,
    auth: 'read access to the files',
    cursor: 'per file: its identity and the byte reached; a file that grew is read on, one that was replaced is read anew',
    look_back: 'none',
    rate_limits: 'none',
    late_fields:
      'where the mapping has no version, a row of a file that was modified later wins; two rows of one id in one file need a version (`$line` will do)',
  },
  options: {
    path: { about: 'a file, a directory, or a path whose last part has a *', is_required: true },
    mapping: { about: 'how rows become records: here, or the name of a YAML file', is_required: true },
    format: { about: 'csv or ndjson; by the extension unless given, and .gz is unpacked' },
    delimiter: { about: 'what separates the columns of a CSV: one character, tab, or auto. A comma unless given' },
    columns: { about: 'names of the columns of a CSV without a header line' },
    encoding: { about: 'utf8 or latin1. utf8 unless given' },
    follow: { about: 'false: the files are complete, half a last line counts' },
  },
  create: (settings) => createFilesSource(settings as unknown as FilesOptions),
}
