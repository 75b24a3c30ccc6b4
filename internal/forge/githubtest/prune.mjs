// Makes openapi.json: the part of GitHub's description of its API that the server of this
// package needs to check requests. Answers, examples and prose are left out.
//
//   npm pack @octokit/openapi@23.0.2 && tar xzf octokit-openapi-23.0.2.tgz
//   node prune.mjs package/generated/api.github.com.json openapi.json
import { readFileSync, writeFileSync } from "node:fs";

const repo = "/repos/{owner}/{repo}";
const keep = {
  [`${repo}/issues/{issue_number}/comments`]: ["get", "post"],
  [`${repo}/issues/comments/{comment_id}`]: ["get", "patch"],
  [`${repo}/issues/comments/{comment_id}/reactions`]: ["post"],
  [`${repo}/collaborators/{username}/permission`]: ["get"],
  [`${repo}/pulls`]: ["get", "post"],
  [`${repo}/pulls/{pull_number}`]: ["get"],
  [`${repo}/pulls/{pull_number}/files`]: ["get"],
  [`${repo}/pulls/{pull_number}/comments`]: ["get"],
  [`${repo}/pulls/{pull_number}/reviews`]: ["get", "post"],
  [`${repo}/check-runs`]: ["post"],
  [`${repo}/check-runs/{check_run_id}`]: ["get", "patch"],
  [`${repo}/check-runs/{check_run_id}/annotations`]: ["get"],
  [`${repo}/commits/{ref}/check-runs`]: ["get"],
  [`${repo}/branches/{branch}`]: ["get"],
  [`${repo}/git/blobs`]: ["post"],
  [`${repo}/git/blobs/{file_sha}`]: ["get"],
  [`${repo}/git/commits`]: ["post"],
  [`${repo}/git/commits/{commit_sha}`]: ["get"],
  [`${repo}/git/refs`]: ["post"],
  [`${repo}/git/refs/{ref}`]: ["patch"],
  [`${repo}/git/trees`]: ["post"],
  [`${repo}/git/trees/{tree_sha}`]: ["get"],
  [`${repo}/actions/runs/{run_id}`]: ["get"],
  [`${repo}/actions/runs/{run_id}/rerun`]: ["post"],
  [`${repo}/actions/runs/{run_id}/artifacts`]: ["get"],
  [`${repo}/actions/artifacts/{artifact_id}/{archive_format}`]: ["get"],
};

const [source, target] = process.argv.slice(2);
const full = JSON.parse(readFileSync(source, "utf8"));
const out = { openapi: full.openapi, info: { title: full.info.title, version: full.info.version, license: full.info.license }, paths: {}, components: {} };

// strip leaves out what checks nothing, and adds what is referred to.
function strip(value, insideProperties = false) {
  if (Array.isArray(value)) return value.map((v) => strip(v));
  if (value === null || typeof value !== "object") return value;
  if (typeof value.$ref === "string") {
    const [kind, name] = value.$ref.split("/").slice(2);
    out.components[kind] ??= {};
    if (!(name in out.components[kind])) {
      out.components[kind][name] = null; // it may refer to itself
      out.components[kind][name] = strip(full.components[kind][name]);
    }
    return { $ref: value.$ref };
  }
  const kept = {};
  for (const [key, v] of Object.entries(value)) {
    if (!insideProperties && (["description", "example", "examples", "externalDocs", "summary", "tags"].includes(key) || key.startsWith("x-"))) continue;
    kept[key] = strip(v, key === "properties" && !insideProperties);
  }
  return kept;
}

for (const [path, methods] of Object.entries(keep)) {
  out.paths[path] = {};
  for (const method of methods) {
    const { operationId, parameters, requestBody } = full.paths[path][method];
    out.paths[path][method] = { operationId, parameters: strip(parameters), responses: { default: { description: "not described here" } } };
    if (requestBody) out.paths[path][method].requestBody = strip(requestBody);
  }
}
writeFileSync(target, JSON.stringify(out, null, 1) + "\n");
