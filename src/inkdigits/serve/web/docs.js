/** The interface for people, made from /openapi.json. */

import { byId, make } from "./element.js";
import { fieldsOf, kindOf } from "./schema.js";

show().catch((error) => {
  byId("complaint").hidden = false;
  byId("complaint").textContent = `The description can't be shown: ${error.message}`;
});

async function show() {
  const answer = await fetch("openapi.json", { cache: "no-cache" });
  if (!answer.ok) throw new Error(`openapi.json is answered with ${answer.status}`);
  const described = await answer.json();
  const operations = operationsOf(described);
  const always = commonFailures(operations);
  byId("about").textContent = `${described.info.title} ${described.info.version}. ${described.info.summary}`;
  const tags = described.tags.map(({ name }) => name);
  byId("contents").append(...tags.map((tag) => make("a", { href: `#${idOf(tag)}` }, tag)));
  byId("operations").append(...tags.map((tag) => section(tag, operations, always)), alwaysOf(always, described));
  byId("schemas").append(...Object.entries(described.components.schemas).map(([name, schema]) => named(name, schema)));
  open();
  addEventListener("hashchange", open);
}

function operationsOf({ paths, components }) {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      ...operation,
      path,
      method: method.toUpperCase(),
      answers: Object.entries(operation.responses).map(([status, response]) => resolved(status, response, components)),
    })),
  );
}

function resolved(status, response, components) {
  return { status, isFailure: Boolean(response.$ref), ...response, ...components.responses[response.$ref?.split("/").at(-1)] };
}

/** The statuses of failures that every operation may be answered with. */
function commonFailures(operations) {
  const failures = operations.map(({ answers }) => answers.filter((each) => each.isFailure).map(({ status }) => status));
  return failures.reduce((common, statuses) => common.filter((status) => statuses.includes(status)));
}

function section(tag, operations, always) {
  const own = operations.filter(({ tags }) => tags.includes(tag));
  return make("section", { id: idOf(tag) }, make("h2", {}, tag), ...own.map((each) => card(each, always)));
}

function card(operation, always) {
  const { method, path, summary, security, parameters, requestBody, answers } = operation;
  const token = security ? make("span", { class: "badge running" }, "token") : null;
  const head = [make("span", { class: `method ${method.toLowerCase()}` }, method), make("code", {}, path), token];
  return make(
    "details",
    { class: "card", id: idOf(`${method} ${path}`) },
    make("summary", {}, make("span", { class: "row" }, ...head), make("span", { class: "does" }, summary)),
    parameters ? part("Parameters", make("dl", { class: "fields" }, ...parameters.map(parameter))) : null,
    requestBody ? part("Takes", ...contents(requestBody.content)) : null,
    ...answers.filter((each) => !each.isFailure).map(success),
    failures(answers.filter((each) => each.isFailure && !always.includes(each.status))),
  );
}

function parameter({ name, in: place, required, schema, description }) {
  const where = make("span", { class: "note" }, ` in the ${place}${required ? "" : ", optional"}`);
  const initial = schema.default === undefined ? null : make("span", { class: "note" }, `; else ${schema.default}`);
  const says = description ? make("p", { class: "note" }, description) : null;
  return make("div", {}, make("dt", {}, make("code", {}, name), where), make("dd", {}, kindOf(schema), initial, says));
}

function success({ status, description, headers = {}, content = {} }) {
  const told = Object.keys(headers).map((name) => make("p", { class: "note" }, "with the header ", make("code", {}, name)));
  return part(`${status} ${description}`, ...contents(content), ...told);
}

function contents(content) {
  return Object.entries(content).map(([type, { schema }]) => {
    const says = schema.description ? make("p", { class: "note" }, schema.description) : null;
    return make("div", { class: "content" }, make("p", {}, make("code", {}, type), ": ", kindOf(schema)), says, fieldsOf(schema));
  });
}

function failures(answers) {
  return answers.length ? part("Refusals", failureList(answers)) : null;
}

function failureList(answers) {
  const rows = answers.map(({ status, description }) =>
    make("div", {}, make("dt", {}, make("code", {}, status)), make("dd", {}, description)),
  );
  return make("dl", { class: "fields" }, ...rows);
}

function alwaysOf(statuses, { components }) {
  const answers = statuses.map((status) => ({ status, ...components.responses[status] }));
  const says = "Refusals are a Problem, application/problem+json. Besides its own, every request may meet with these:";
  return make("section", { id: "always" }, make("h2", {}, "Refusals"), make("div", { class: "card" }, make("p", {}, says), failureList(answers)));
}

function named(name, schema) {
  const says = schema.description ? make("p", { class: "note" }, schema.description) : null;
  return make("article", { class: "card", id: `schema-${name}` }, make("h3", {}, name), says, fieldsOf(schema));
}

function part(heading, ...children) {
  return make("div", { class: "part" }, make("h3", {}, heading), ...children);
}

/** Opens the operation that the address names. */
function open() {
  const wanted = byId(decodeURIComponent(location.hash.slice(1)));
  if (!wanted) return;
  if (wanted.tagName === "DETAILS") wanted.open = true;
  wanted.scrollIntoView();
}

function idOf(text) {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, "-");
}
