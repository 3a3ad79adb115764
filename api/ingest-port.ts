/** What the API needs of ingest to take in what is pushed; the application joins the two. */

/** Whose source. */
export interface PushTarget {
  tenant_id: string
  source_id: string
}

/** A request as it came: signatures are made of all of it. */
export interface RawPush {
  method: string
  url: string
  headers: Readonly<Record<string, string | undefined>>
  body: Buffer
}

export interface PushAnswer {
  status: number
  type: string
  body: string
  headers?: Readonly<Record<string, string>>
}

/** What became of pushed records; those that are not among the refused were accepted. */
export interface RecordsPushed {
  inputs: number
  refused: { index: number; code: string; reason: string }[]
}

export interface Ingest {
  /** Whether the source finds out by itself who a webhook comes from. Throws not_found for a source that takes none. */
  verifiesSender(target: PushTarget): boolean
  /** Answers once everything is durable. Throws signature_invalid; then nothing is kept. */
  receive(target: PushTarget, request: RawPush): Promise<PushAnswer>
  /** Stores canonical records; under a key that came before it gives the answer it gave then. */
  records(
    target: PushTarget,
    push: { entity: string; content_type: string; body: Buffer; idempotency_key: string | undefined },
  ): Promise<{ answer: RecordsPushed; is_repeated: boolean }>
}
