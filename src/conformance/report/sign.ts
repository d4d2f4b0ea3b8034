import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { compareCodeUnits, diagnostic, fail, ok, type Result, sha256Hex } from '../../support/index.ts';
import { fromBase64, toBase64 } from '../base64.ts';
import { type Report, REPORT_FORMAT, REPORT_VERSION } from './report.ts';

/** Who signed the report. */
export interface Signature {
  readonly algorithm: 'ed25519';
  /** SPKI DER, base64. */
  readonly publicKey: string;
  /** Over the canonical JSON of the report without `signature`, base64. */
  readonly value: string;
}

export type SignedReport = Report & { readonly signature?: Signature };

/**
 * Canonical JSON: members sorted by code units, no white space, numbers as JSON.stringify writes them (a report holds
 * integers only). What RFC 8785 gives for such values.
 */
export const canonicalJson = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, v]) => v !== undefined)
    .sort(([a], [b]) => compareCodeUnits(a, b));
  return `{${members.map(([k, v]) => `${JSON.stringify(k)}:${canonicalJson(v)}`).join(',')}}`;
};

const signedBytes = (report: Report): Uint8Array => {
  const { signature: _, ...rest } = report as SignedReport;
  return new TextEncoder().encode(canonicalJson(rest));
};

const notKey = (what: string, problem: string): Result<never> =>
  fail(diagnostic('CNF0003', `${what}: ${problem}`, { notes: ['openssl genpkey -algorithm ed25519 -out key.pem makes a private key.'] }));

const readKey = (pem: string, what: string, read: (pem: string) => KeyObject): Result<KeyObject> => {
  try {
    const key = read(pem);
    return key.asymmetricKeyType === 'ed25519'
      ? ok(key)
      : notKey(what, `the key is ${key.asymmetricKeyType ?? 'of another kind'}, not ed25519`);
  } catch {
    return notKey(what, 'this is not such a key in PEM');
  }
};

const publicText = (key: KeyObject): string => toBase64(key.export({ type: 'spki', format: 'der' }));

/** Signs a report with an Ed25519 private key in PEM. Error: CNF0003. */
export const signReport = (report: Report, pem: string, what: string): Result<SignedReport> => {
  const key = readKey(pem, what, createPrivateKey);
  if (!key.ok) return key;
  const value = toBase64(sign(null, signedBytes(report), key.value));
  return ok({ ...report, signature: { algorithm: 'ed25519', publicKey: publicText(createPublicKey(key.value)), value } });
};

/** A new Ed25519 private key in PEM. */
export const newKey = (): string => generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

/** First 16 digits of the SHA-256 of a public key: what people compare. */
export const fingerprint = (publicKey: string): string => sha256Hex(fromBase64(publicKey) ?? publicKey).slice(0, 16);

export interface VerifyOptions {
  /** Public key in PEM that must have signed; else any key that the report carries. */
  readonly publicKey?: { readonly pem: string; readonly what: string };
  /** Id of the vector set of this cortexc. */
  readonly vectors: string;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The report in a file, as far as its head says that it is one. Error: CNF0004. */
export const readReport = (text: string, what: string): Result<SignedReport> => {
  const no = (problem: string): Result<never> => fail(diagnostic('CNF0004', `${what}: ${problem}`));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return no('this is not JSON');
  }
  if (!isRecord(value) || value['format'] !== REPORT_FORMAT) return no(`format is not ${REPORT_FORMAT}`);
  if (value['version'] !== REPORT_VERSION)
    return no(`version is ${JSON.stringify(value['version'])}, this cortexc reads version ${REPORT_VERSION}`);
  if (!isRecord(value['summary']) || typeof value['vectors'] !== 'string') return no('summary or vectors is missing');
  // the signature covers the rest; what is shown of it is read member by member
  return ok(value as unknown as SignedReport);
};

const signatureProblem = (report: SignedReport, wanted: KeyObject | undefined): string | undefined => {
  const { signature } = report;
  if (!isRecord(signature) || typeof signature.publicKey !== 'string' || typeof signature.value !== 'string') return 'it has no signature';
  if (signature.algorithm !== 'ed25519') return `its algorithm is ${JSON.stringify(signature.algorithm)}, not ed25519`;
  const [spki, value] = [fromBase64(signature.publicKey), fromBase64(signature.value)];
  if (spki === undefined || value === undefined) return 'its signature is not base64';
  try {
    // crypto takes DER only as a Buffer: a PEM text says the same
    const key = createPublicKey(`-----BEGIN PUBLIC KEY-----\n${toBase64(spki)}\n-----END PUBLIC KEY-----\n`);
    if (key.asymmetricKeyType !== 'ed25519') return 'its key is not an Ed25519 key';
    if (wanted !== undefined && publicText(wanted) !== publicText(key))
      return `key ${fingerprint(signature.publicKey)} signed it, not the one given`;
    return verify(null, signedBytes(report), key, value) ? undefined : 'it was changed after it was signed';
  } catch {
    return 'its key cannot be read';
  }
};

/** Checks signature and vector set; all problems. Errors: CNF0003, CNF0005, CNF0006. */
export const verifyReport = (report: SignedReport, what: string, { publicKey, vectors }: VerifyOptions): Result<Signature> => {
  const wanted = publicKey === undefined ? undefined : readKey(publicKey.pem, publicKey.what, createPublicKey);
  if (wanted?.ok === false) return wanted;
  const problem = signatureProblem(report, wanted?.value);
  const problems = [
    ...(problem === undefined ? [] : [diagnostic('CNF0005', `${what}: ${problem}`)]),
    ...(report.vectors === vectors
      ? []
      : [diagnostic('CNF0006', `${what}: the report is about vector set ${report.vectors}, this cortexc has ${vectors}`)]),
  ];
  return problems.length > 0 || report.signature === undefined ? fail(...problems) : ok(report.signature);
};
