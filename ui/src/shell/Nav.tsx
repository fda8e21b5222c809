// Where one can go, by groups, and who one is.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useRouterState } from "@tanstack/react-router";
import { AudioWaveform, LogOut } from "lucide-react";
import { useState } from "react";
import { meQuery, signOut, useMay } from "../api/session";
import { live } from "../live/hooks";
import { PAGES, type Page } from "../pages";

const GROUPS = ["Build", "Serve", "Trust", "House"] as const;

export function Brand() {
  return (
    <div className="brand">
      <i aria-hidden>
        <AudioWaveform size={19} />
      </i>
      <span>Engram</span>
    </div>
  );
}

export function Nav() {
  const may = useMay();
  const path = useRouterState({ select: (state) => state.location.pathname });
  return GROUPS.map((group) => {
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
                <span>{page.name}</span>
              </Link>
            </li>
          ))}
        </ul>
      </div>
    );
  });
}

export function Me() {
  const client = useQueryClient();
  const { data: me } = useQuery(meQuery);
  const [failed, setFailed] = useState(false);
  if (!me) return null;
  const leave = async () => {
    setFailed(false);
    try {
      await signOut();
      live.close();
      client.clear();
      client.setQueryData(meQuery.queryKey, null);
    } catch {
      setFailed(true);
    }
  };
  return (
    <div className="foot">
      <span className="sm who">
        <b className="clip">{me.name}</b>
        <span className="muted">{me.role}</span>
        {failed && (
          <span className="fault" role="alert">
            Not signed out: the server did not answer.
          </span>
        )}
      </span>
      <button type="button" className="btn sq" aria-label="Sign out" title="Sign out" onClick={() => void leave()}>
        <LogOut size={16} aria-hidden />
      </button>
    </div>
  );
}

const isIn = (path: string, page: Page): boolean => (page.path === "/" ? path === "/" : path === page.path || path.startsWith(`${page.path}/`));
