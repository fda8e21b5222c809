// ⌘K: pages, what one can do, runs by name or id, deployments and recipes, by typing.
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Activity, CirclePause, CirclePlay, GitCompare, Keyboard, LogOut, Play, Rocket, ScrollText, SunMoon, type LucideIcon } from "lucide-react";
import { useState } from "react";
import { Autocomplete, Collection, Dialog, Header, Input, Menu, MenuItem, MenuSection, Modal, ModalOverlay, SearchField, useFilter } from "react-aria-components";
import { api, told } from "../api/client";
import { meQuery, signOut, useMay } from "../api/session";
import { live, useStanding } from "../live/hooks";
import { PAGES } from "../pages";
import { words } from "../parts/say";
import { Trouble } from "../parts/Wait";
import { NEXT } from "./Shell";
import { setTheme, useTheme } from "./theme";

type Item = { id: string; name: string; said?: string; icon: LucideIcon; keys?: string; act: () => void };
type Section = { name: string; items: Item[] };
const FEW = 6;

export default function Palette({ close, showKeys }: { close: () => void; showKeys: () => void }) {
  const { contains } = useFilter({ sensitivity: "base" });
  const [text, setText] = useState("");
  const sections = useSections(text.trim(), close, showKeys);
  const acts = new Map(sections.found.flatMap((section) => section.items.map((item) => [item.id, item.act])));
  return (
    <ModalOverlay className="veil" isOpen onOpenChange={(is) => !is && close()} isDismissable>
      <Modal className="palette">
        <Dialog aria-label="Search or jump to">
          <Autocomplete filter={contains} inputValue={text} onInputChange={setText}>
            <SearchField aria-label="Search" autoFocus>
              <Input className="field" placeholder="A page, a run, or what to do" />
            </SearchField>
            {sections.error !== null && <Trouble error={sections.error} />}
            <Menu className="found" aria-label="Found" items={sections.found} onAction={(key) => acts.get(String(key))?.()} renderEmptyState={() => <p className="muted pad">Nothing fits.</p>}>
              {(section) => (
                <MenuSection id={section.name} key={section.name}>
                  <Header className="cap">{section.name}</Header>
                  <Collection items={section.items}>
                    {(item) => (
                      <MenuItem id={item.id} textValue={`${item.name} ${item.said ?? ""}`} className="opt">
                        <item.icon size={16} aria-hidden />
                        <span className="clip">{item.name}</span>
                        {item.said && <span className="muted sm mono clip">{item.said}</span>}
                        {item.keys && <kbd>{item.keys}</kbd>}
                      </MenuItem>
                    )}
                  </Collection>
                </MenuSection>
              )}
            </Menu>
          </Autocomplete>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

/** Return what there is to choose from; runs are looked for on the server, whose newest few stand there before. */
function useSections(text: string, close: () => void, showKeys: () => void): { found: Section[]; error: unknown } {
  const may = useMay();
  const go = useNavigate();
  const client = useQueryClient();
  const theme = useTheme();
  const standing = useStanding();
  const runs = useQuery({
    queryKey: ["runs", "palette", text],
    queryFn: () => told(api.GET("/api/v1/runs", { params: { query: { limit: FEW, named: text } } })),
    enabled: may("runs.list"),
    placeholderData: keepPreviousData,
  });
  const deployments = useQuery({ queryKey: ["deployments"], queryFn: () => told(api.GET("/api/v1/deployments")), enabled: may("deployments.list") });
  const recipes = useQuery({
    queryKey: ["recipes"],
    queryFn: () => told(api.GET("/api/v1/recipes", { params: { query: { limit: 200 } } })),
    enabled: may("recipes.list"),
  });
  const to = (path: string, search: Record<string, string> = {}) => () => {
    close();
    void go({ to: path as never, search: search as never });
  };
  const then = (act: () => void) => () => {
    close();
    act();
  };
  const leave = async () => {
    await signOut();
    live.close();
    client.clear();
    client.setQueryData(meQuery.queryKey, null);
  };
  const paused = standing === "paused";
  const actions: (Item | false)[] = [
    may("runs.create") && { id: "do new", name: "Start a run", icon: Play, act: to("/runs/new") },
    may("runs.compare") && { id: "do compare", name: "Compare two runs", icon: GitCompare, act: to("/compare") },
    { id: "do theme", name: "Switch theme", said: `to ${NEXT[theme]}`, icon: SunMoon, act: then(() => setTheme(NEXT[theme])) },
    standing !== "off" && { id: "do pause", name: paused ? "Go on with updates" : "Pause updates", icon: paused ? CirclePlay : CirclePause, act: then(paused ? live.release : live.hold) },
    { id: "do keys", name: "Show the keys", icon: Keyboard, keys: "?", act: showKeys },
    { id: "do leave", name: "Sign out", icon: LogOut, act: then(() => void leave()) },
  ];
  const found: Section[] = [
    {
      name: "Pages",
      items: PAGES.filter((page) => page.group && may(page.may)).map((page) => ({ id: page.path, name: page.name, icon: page.icon, keys: page.key && `g ${page.key}`, act: to(page.path) })),
    },
    { name: "Actions", items: actions.filter((one) => one !== false) },
    {
      name: "Runs",
      items: (runs.data?.items ?? []).map((run) => ({ id: run.id, name: run.recipe, said: `${run.id.slice(-8)} ${words(run.state)}`, icon: Activity, act: to(`/runs/${run.id}`) })),
    },
    {
      name: "Deployments",
      items: (deployments.data?.items ?? []).map((one) => ({ id: `deployment ${one.name}`, name: one.name, icon: Rocket, act: to("/deployments", { name: one.name }) })),
    },
    {
      name: "Recipes",
      items: (recipes.data?.items ?? []).map((one) => ({ id: `recipe ${one.name}`, name: one.title || one.name, said: one.name, icon: ScrollText, act: to("/recipes", { name: one.name }) })),
    },
  ];
  return { found: found.filter((section) => section.items.length), error: runs.error ?? deployments.error ?? recipes.error };
}
