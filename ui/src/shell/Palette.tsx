// ⌘K: every page and the newest runs by typing; `g` and a letter jumps, `?` shows the keys.
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { Autocomplete, Dialog, Input, Menu, MenuItem, Modal, ModalOverlay, SearchField, useFilter } from "react-aria-components";
import { api, told } from "../api/client";
import { useMay } from "../api/session";
import { PAGES } from "../pages";
import { keysOn } from "./keys";



export function Palette({ open, setOpen }: { open: boolean; setOpen: (open: boolean) => void }) {
  const may = useMay();
  const go = useNavigate();
  const { contains } = useFilter({ sensitivity: "base" });
  const [help, setHelp] = useState(false);
  const pages = useMemo(() => PAGES.filter((page) => !page.path.includes("$") && may(page.may)), [may]);
  const runs = useQuery({
    queryKey: ["runs", "newest"],
    queryFn: () => told(api.GET("/api/v1/runs", { params: { query: { limit: 20 } } })),
    enabled: open && may("runs.list"),
  });

  useEffect(() => {
    let before = "";
    const hear = (event: KeyboardEvent) => {
      if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        setOpen(true);
        return;
      }
      const target = event.target as HTMLElement;
      if (!keysOn() || event.metaKey || event.ctrlKey || event.altKey || target.closest("input,textarea,select,[contenteditable],[role=textbox]")) return;
      if (before === "g") {
        const page = pages.find((one) => one.key === event.key);
        if (page) void go({ to: page.path });
      }
      if (event.key === "?") setHelp(true);
      before = event.key;
    };
    addEventListener("keydown", hear);
    return () => removeEventListener("keydown", hear);
  }, [pages, go, setOpen]);

  const choose = (to: string) => {
    setOpen(false);
    void go({ to });
  };
  return (
    <>
      <ModalOverlay className="veil" isOpen={open} onOpenChange={setOpen} isDismissable>
        <Modal className="palette">
          <Dialog aria-label="Search or jump to">
            <Autocomplete filter={contains}>
              <SearchField aria-label="Search" autoFocus>
                <Input className="field" placeholder="A page, or a run by its id or recipe" />
              </SearchField>
              <Menu className="found" onAction={(key) => choose(String(key))} renderEmptyState={() => <p className="muted">Nothing fits.</p>}>
                {pages.map((page) => (
                  <MenuItem key={page.path} id={page.path} textValue={page.name} className="opt">
                    <page.icon size={16} aria-hidden />
                    {page.name}
                    {page.key && <kbd>g {page.key}</kbd>}
                  </MenuItem>
                ))}
                {(runs.data?.items ?? []).map((run) => (
                  <MenuItem key={run.id} id={`/runs/${run.id}`} textValue={`${run.recipe} ${run.id}`} className="opt">
                    <span className="mono sm">{run.id.slice(-6)}</span>
                    {run.recipe}
                  </MenuItem>
                ))}
              </Menu>
            </Autocomplete>
          </Dialog>
        </Modal>
      </ModalOverlay>
      <ModalOverlay className="veil" isOpen={help} onOpenChange={setHelp} isDismissable>
        <Modal className="palette">
          <Dialog aria-label="Keys" className="stack pad">
            <h2>Keys</h2>
            <dl className="keys">
              <dt>⌘K</dt>
              <dd>Search or jump</dd>
              {pages
                .filter((page) => page.key)
                .map((page) => (
                  <div key={page.path}>
                    <dt>g {page.key}</dt>
                    <dd>{page.name}</dd>
                  </div>
                ))}
              <dt>/</dt>
              <dd>Filter the list</dd>
            </dl>
            <p className="muted sm">Keys without ⌘ can be switched off in Settings.</p>
          </Dialog>
        </Modal>
      </ModalOverlay>
    </>
  );
}
