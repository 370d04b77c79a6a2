import { render } from "preact";
import { takeToken } from "./api/client";
import { startFeeds } from "./state/feeds";
import "./style.css";
import { App } from "./ui/App";

takeToken();
startFeeds();
render(<App />, document.getElementById("app")!);
