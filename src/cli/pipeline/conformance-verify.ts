import { fingerprint, readReport, verifyReport } from '../../conformance/index.ts';
import { ok, type Result } from '../../support/index.ts';
import type { Report } from '../command.ts';
import type { Context } from '../context.ts';
import { formatFacts } from '../text.ts';

const readText = (path: string, context: Context): Result<string> => {
  const bytes = context.read(path, 'text');
  return bytes.ok ? ok(new TextDecoder().decode(bytes.value)) : bytes;
};

/** Checks the signature of a report and that it is about the vector set of this cortexc. */
export const checkReport = (path: string, publicKeyPath: string | undefined, vectors: string, context: Context): Result<Report> => {
  const text = readText(path, context);
  if (!text.ok) return text;
  const report = readReport(text.value, path);
  if (!report.ok) return report;
  const pem = publicKeyPath === undefined ? undefined : readText(publicKeyPath, context);
  if (pem?.ok === false) return pem;
  const key = pem === undefined || publicKeyPath === undefined ? {} : { publicKey: { pem: pem.value, what: publicKeyPath } };
  const signature = verifyReport(report.value, path, { vectors, ...key });
  if (!signature.ok) return signature;
  const { passed, failed, refused, notRun } = report.value.summary;
  const signer = fingerprint(signature.value.publicKey);
  return ok({
    json: { valid: true, signer, vectors, summary: { passed, failed, refused, notRun } },
    text: formatFacts([
      ['report', 'unchanged since it was signed'],
      ['signed by', publicKeyPath === undefined ? `key ${signer} (compare it, or give --public-key)` : `key ${signer}, the one given`],
      ['created', report.value.created],
      ['summary', `${passed} passed, ${failed} failed, ${refused} refused, ${notRun} not run`],
    ]),
  });
};
