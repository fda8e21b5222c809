// The frame of every page: navigation, where one is, the palette, and whether what one sees is live.
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { AudioWaveform, LogOut, Menu, Monitor, Moon, Search, Sun, X } from "lucide-react";
import { useEffect, useState } from "react";
import { Button } from "react-aria-components";
import { meQuery, signOut, useMay } from "../api/session";
import { useStanding } from "../live/hooks";
import { PAGES, type Page } from "../pages";
import { Pill } from "../parts/Pill";
import { Palette } from "./Palette";
import { setTheme, useTheme, type Theme } from "./theme";

const GROUPS = ["Build", "Serve", "Trust", "House"] as const;
const NEXT: Record<Theme, Theme> = { system: "dark", dark: "light", light: "system" };
const ICONS = { system: Monitor, dark: Moon, light: Sun };

export function Shell() {
  const may = useMay();
  const [menu, setMenu] = useState(false);
  const [palette, setPalette] = useState(false);
  const path = useRouterState({ select: (state) => state.location.pathname });
  const here = pageOf(path);
  useEffect(() => {
    setMenu(false);
    document.title = here ? `${here.name} · Engram` : "Engram";
  }, [path, here]);
  return (
    <div className="shell">
      <a className="skip" href="#main">
        Skip to content
      </a>
      <nav className="side" aria-label="Primary" data-open={menu || undefined}>
        <div className="brand">
          <i aria-hidden>
            <AudioWaveform size={19} />
          </i>
          Engram
        </div>
        {GROUPS.map((group) => {
          const pages = PAGES.filter((page) => page.group === group && may(page.may));
          if (!pages.length) return null;
          return (
            <div key={group} role="group" aria-label={group}>
              <div className="cap" aria-hidden>
                {group}
              </div>
              <ul className="nav">
                {pages.map((page) => (
                  <li key={page.path}>
                    <Link to={page.path} aria-current={isIn(path, page) ? "page" : undefined}>
                      <page.icon size={18} aria-hidden />
                      {page.name}
                    </Link>
                  </li>
                ))}
              </ul>
            </div>
          );
        })}
        <Me />
      </nav>
      <div className="main">
        <header className="top">
          <Button className="btn sq only-s" aria-label={menu ? "Close the menu" : "Open the menu"} onPress={() => setMenu(!menu)}>
            {menu ? <X size={18} aria-hidden /> : <Menu size={18} aria-hidden />}
          </Button>
          <Crumbs path={path} here={here} />
          <Standing />
          <Button className="btn" onPress={() => setPalette(true)} aria-label="Search or jump to">
            <Search size={16} aria-hidden />
            <span className="hide-s">Search or jump to</span>
            <kbd className="hide-s">⌘K</kbd>
          </Button>
          <ThemeButton />
        </header>
        <main id="main" tabIndex={-1}>
          <Outlet />
        </main>
      </div>
      <Palette open={palette} setOpen={setPalette} />
    </div>
  );
}

function Me() {
  const client = useQueryClient();
  const { data: me } = useQuery(meQuery);
  if (!me) return null;
  return (
    <div className="foot">
      <span className="sm">
        <b>{me.name}</b>
        <br />
        <span className="muted">{me.role}</span>
      </span>
      <Button
        className="btn sq"
        aria-label="Sign out"
        onPress={() => void signOut().finally(() => client.invalidateQueries(meQuery))}
      >
        <LogOut size={16} aria-hidden />
      </Button>
    </div>
  );
}

function Crumbs({ path, here }: { path: string; here: Page | undefined }) {
  const parent = here && here.group === null ? PAGES.find((page) => page.path !== "/" && page.group && path.startsWith(page.path)) : undefined;
  return (
    <nav aria-label="Breadcrumb" className="grow">
      <ol className="crumbs">
        {parent && (
          <li>
            <Link to={parent.path}>{parent.name}</Link>
          </li>
        )}
        <li aria-current="page">{here?.path === "/runs/$run" ? path.split("/").at(-1) : here?.name}</li>
      </ol>
    </nav>
  );
}

function Standing() {
  const standing = useStanding();
  if (standing === "off") return null;
  const said = { live: "Live", connecting: "Connecting", reconnecting: "Reconnecting" }[standing];
  return (
    <span role="status">
      <Pill tone={standing === "live" ? "ok" : "warn"} live={standing === "live"}>
        {said}
      </Pill>
    </span>
  );
}

function ThemeButton() {
  const theme = useTheme();
  const Icon = ICONS[theme];
  return (
    <Button className="btn sq" aria-label={`Theme: ${theme}. Change to ${NEXT[theme]}.`} onPress={() => setTheme(NEXT[theme])}>
      <Icon size={17} aria-hidden />
    </Button>
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

const isIn = (path: string, page: Page): boolean => (page.path === "/" ? path === "/" : path === page.path || path.startsWith(`${page.path}/`));
