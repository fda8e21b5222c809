// The frame of every page: navigation, where one is, the palette, and whether what one sees is live.
import { Link, Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { Menu, Monitor, Moon, PanelLeftClose, PanelLeftOpen, Search, Sun } from "lucide-react";
import { lazy, Suspense, useEffect, useMemo, useRef, useState } from "react";
import { useMay } from "../api/session";
import { useProgressKept } from "../live/progress";
import { PAGES, type Page } from "../pages";
import { useSpoken } from "../parts/spoken";
import { COMMAND, keyReader } from "./keys";
import { Brand, Me, Nav } from "./Nav";
import { Standing } from "./Standing";
import { setTheme, useTheme, type Theme } from "./theme";

const Palette = lazy(() => import("./Palette"));
const Keys = lazy(() => import("./Keys"));
const Drawer = lazy(() => import("./Drawer"));
export const NEXT: Record<Theme, Theme> = { system: "dark", dark: "light", light: "system" };
const ICONS = { system: Monitor, dark: Moon, light: Sun };
type Front = "palette" | "keys" | "menu" | null;

export function Shell() {
  const may = useMay();
  const [front, setFront] = useState<Front>(null);
  const [small, setSmall] = useState(() => localStorage.getItem("side") === "small");
  const path = useRouterState({ select: (state) => state.location.pathname });
  const here = pageOf(path);
  const main = useRef<HTMLElement>(null);
  const close = () => setFront(null);
  useProgressKept(may("runs.list"));
  useWishes(setFront);
  useEffect(() => {
    setFront(null);
    document.title = here ? `${here.name} · Engram` : "Engram";
  }, [path, here]);
  const fold = () => {
    localStorage.setItem("side", small ? "wide" : "small");
    setSmall(!small);
  };
  return (
    <div className="shell" data-small={small || undefined}>
      <a
        className="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to content
      </a>
      <aside className="side" aria-label="Side bar">
        <div className="sidetop">
          <Brand />
          <button type="button" className="btn sq quiet" aria-expanded={!small} aria-label={small ? "Widen the side bar" : "Narrow the side bar"} title={small ? "Widen the side bar" : "Narrow the side bar"} onClick={fold}>
            {small ? <PanelLeftOpen size={17} aria-hidden /> : <PanelLeftClose size={17} aria-hidden />}
          </button>
        </div>
        <nav aria-label="Primary" className="places">
          <Nav />
        </nav>
        <Me />
      </aside>
      <div className="main">
        <header className="top">
          <button type="button" className="btn sq only-s" aria-label="Open the menu" aria-haspopup="dialog" onClick={() => setFront("menu")}>
            <Menu size={18} aria-hidden />
          </button>
          <Crumbs path={path} here={here} />
          <Standing />
          <button type="button" className="btn tosearch" aria-label={`Search or jump to ${COMMAND}`} aria-haspopup="dialog" onClick={() => setFront("palette")}>
            <Search size={16} aria-hidden />
            <span className="hide-s">Search or jump to</span>{" "}
            <kbd className="hide-s">{COMMAND}</kbd>
          </button>
          <ThemeButton />
        </header>
        <main id="main" tabIndex={-1} ref={main}>
          <Outlet />
        </main>
      </div>
      <p className="sr" role="status">
        {useSpoken()}
      </p>
      <Suspense fallback={null}>
        {front === "palette" && <Palette close={close} showKeys={() => setFront("keys")} />}
        {front === "keys" && <Keys close={close} />}
        {front === "menu" && <Drawer close={close} />}
      </Suspense>
    </div>
  );
}

/** Do what keys without a modifier, and ⌘K, ask for. */
function useWishes(show: (front: Front) => void): void {
  const may = useMay();
  const go = useNavigate();
  const latest = useRef({ may, go, show });
  latest.current = { may, go, show };
  const read = useMemo(keyReader, []);
  useEffect(() => {
    const hear = (event: KeyboardEvent) => {
      const wish = read(event);
      if (wish === null || event.defaultPrevented) return;
      const inDialog = document.querySelector("[role=dialog]") !== null;
      if (wish.what === "palette") {
        event.preventDefault();
        if (!inDialog) latest.current.show("palette");
        return;
      }
      if (inDialog) return;
      if (wish.what === "keys") latest.current.show("keys");
      if (wish.what === "filter") {
        const field = document.querySelector<HTMLInputElement>("main [data-filter]");
        if (field) event.preventDefault();
        field?.focus();
        field?.select();
      }
      const page = wish.what === "go" ? PAGES.find((one) => one.key === wish.key && latest.current.may(one.may)) : undefined;
      if (page) {
        event.preventDefault();
        void latest.current.go({ to: page.path });
      }
    };
    addEventListener("keydown", hear);
    return () => removeEventListener("keydown", hear);
  }, [read]);
}

function Crumbs({ path, here }: { path: string; here: Page | undefined }) {
  const parent = here && here.group === null ? PAGES.find((page) => page.path !== "/" && page.group && path.startsWith(page.path)) : undefined;
  return (
    <nav aria-label="Breadcrumb" className="grow">
      <ol className="crumbs">
        {parent && (
          <li>
            <Link to={parent.path}>{parent.name}</Link>
            <span aria-hidden> /</span>
          </li>
        )}
        <li aria-current="page" className="clip">
          {here?.path === "/runs/$run" ? path.split("/").at(-1)?.slice(-8) : here?.name}
        </li>
      </ol>
    </nav>
  );
}

function ThemeButton() {
  const theme = useTheme();
  const Icon = ICONS[theme];
  const said = `Theme: ${theme}. Change to ${NEXT[theme]}.`;
  return (
    <button type="button" className="btn sq" aria-label={said} title={said} onClick={() => setTheme(NEXT[theme])}>
      <Icon size={17} aria-hidden />
    </button>
  );
}

/** Return the page of a path; the one with fewer open places wins, so that /runs/new is not the run named new. */
export function pageOf(path: string): Page | undefined {
  const parts = path.replace(/\/$/, "").split("/");
  const fits = PAGES.filter((page) => {
    const own = page.path.replace(/\/$/, "").split("/");
    return own.length === parts.length && own.every((part, place) => part.startsWith("$") || part === parts[place]);
  });
  return fits.sort((a, b) => a.path.split("$").length - b.path.split("$").length)[0];
}
