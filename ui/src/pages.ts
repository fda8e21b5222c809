// Every page of the application. To add one: write it in `pages/` and give it a row here; navigation, palette, keys and
// the router follow this table. `may`: the operation without which it isn't offered; `key`: with `g` before it.
import {
  Activity,
  Boxes,
  Database,
  FileClock,
  GitCompare,
  KeyRound,
  LayoutDashboard,
  Link2,
  MonitorSmartphone,
  Plus,
  Rocket,
  ScrollText,
  Settings,
  Users,
  type LucideIcon,
} from "lucide-react";
import { soon, type Soon } from "./parts/soon";

export type Page = {
  path: string;
  name: string;
  group: "Build" | "Serve" | "Trust" | "House" | null;
  icon: LucideIcon;
  may: string;
  key?: string;
} & Soon<object>;

const page = soon<object>;
/** A run with what its first tab shows, which would else be asked for one after the other. */
const run = async () => {
  const first = location.search.includes("tab=") ? [] : [import("./pages/run/Metrics"), import("./parts/Chart")];
  const [found] = await Promise.all([import("./pages/Run"), ...first] as const);
  return found;
};

export const PAGES: Page[] = [
  { path: "/", name: "Overview", group: "Build", icon: LayoutDashboard, may: "runs.list", key: "o", ...page(() => import("./pages/Overview")) },
  { path: "/templates", name: "Templates", group: "Build", icon: Boxes, may: "templates.list", key: "t", ...page(() => import("./pages/Templates")) },
  { path: "/datasets", name: "Datasets", group: "Build", icon: Database, may: "datasets.list", key: "d", ...page(() => import("./pages/Datasets")) },
  { path: "/recipes", name: "Recipes", group: "Build", icon: ScrollText, may: "recipes.list", key: "c", ...page(() => import("./pages/Recipes")) },
  { path: "/runs", name: "Runs", group: "Build", icon: Activity, may: "runs.list", key: "r", ...page(() => import("./pages/Runs")) },
  { path: "/runs/new", name: "New run", group: null, icon: Plus, may: "runs.create", key: "n", ...page(() => import("./pages/NewRun")) },
  { path: "/runs/$run", name: "Run", group: null, icon: Activity, may: "runs.read", ...page(run) },
  { path: "/compare", name: "Compare", group: "Build", icon: GitCompare, may: "runs.compare", key: "m", ...page(() => import("./pages/Compare")) },
  { path: "/deployments", name: "Deployments", group: "Serve", icon: Rocket, may: "deployments.list", key: "p", ...page(() => import("./pages/Deployments")) },
  { path: "/ledger", name: "Ledger", group: "Trust", icon: Link2, may: "ledger.list", key: "l", ...page(() => import("./pages/Ledger")) },
  { path: "/audit", name: "Audit log", group: "Trust", icon: FileClock, may: "audit.list", key: "a", ...page(() => import("./pages/Audit")) },
  { path: "/users", name: "Users & roles", group: "House", icon: Users, may: "users.list", key: "u", ...page(() => import("./pages/Users")) },
  { path: "/keys", name: "API keys", group: "House", icon: KeyRound, may: "keys.list", key: "k", ...page(() => import("./pages/Keys")) },
  { path: "/sessions", name: "Sessions", group: "House", icon: MonitorSmartphone, may: "sessions.list", key: "i", ...page(() => import("./pages/Sessions")) },
  { path: "/settings", name: "Settings", group: "House", icon: Settings, may: "settings.read", key: "s", ...page(() => import("./pages/Settings")) },
];

/** Return the page of an address, as `/runs/r_1`. */
export function pageAt(address: string): Page | undefined {
  return PAGES.find((one) => new RegExp(`^${one.path.replace(/\$\w+/g, "[^/]+")}/?$`).test(address));
}
