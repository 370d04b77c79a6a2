// npm run mock -- --nodes 1000 --network demo: an API for `npm run dev` to show.

import { parseArgs } from "node:util";
import { startMock } from "./server.mjs";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "7999" },
    nodes: { type: "string", default: "32" },
    seed: { type: "string", default: "1" },
    rate: { type: "string", default: "2" },
    churn: { type: "string", default: "0.1" },
    network: { type: "string", default: "agent" },
    token: { type: "string", default: "" },
    speed: { type: "string", default: "1" },
  },
});
const number = (name) => Number(values[name]);
const mock = await startMock({ port: number("port"), nodes: number("nodes"), seed: number("seed"), rate: number("rate"), churn: number("churn"), speed: number("speed"), network: values.network, token: values.token });
console.log(`the API of ${mock.world.nodes.size} nodes that are not there: ${mock.url}`);
