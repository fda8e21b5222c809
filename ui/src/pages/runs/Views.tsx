// Filters under a name: taken with a press, kept under a name of one's own.
import { Bookmark, BookmarkPlus, Trash2 } from "lucide-react";
import { useState, type FormEvent } from "react";
import { Button, Collection, Header, Input, Label, Menu, MenuItem, MenuSection, MenuTrigger, Popover, TextField } from "react-aria-components";
import { Sheet } from "../../parts/Act";
import { narrowed, type Search } from "./search";
import { dropView, isSame, keepView, useViews } from "./views";

const KEEP = "\u0000keep";
const DROP = "\u0000drop";

export function Views({ search, take }: { search: Search; take: (search: Search) => void }) {
  const { ready, saved } = useViews();
  const [naming, setNaming] = useState(false);
  const all = [...saved, ...ready];
  const here = all.find((one) => isSame(one.search, search));
  const mine = saved.find((one) => isSame(one.search, search));
  const act = (key: string) => {
    if (key === KEEP) setNaming(true);
    else if (key === DROP) dropView(mine!.name);
    else take(all.find((one) => one.name === key)!.search);
  };
  const send = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const name = String(new FormData(event.currentTarget).get("name")).trim();
    if (!name) return;
    keepView(name, search);
    setNaming(false);
  };
  const sections = [
    { name: "Yours", items: saved },
    { name: "Ready made", items: ready },
  ].filter((one) => one.items.length);
  return (
    <>
      <MenuTrigger>
        <Button className="btn">
          <Bookmark size={16} aria-hidden />
          {here ? here.name : "Views"}
        </Button>
        <Popover className="pop">
          <Menu className="found" onAction={(key) => act(String(key))} aria-label="Views">
            <Collection items={sections}>
              {(section) => (
                <MenuSection id={section.name}>
                  <Header className="cap">{section.name}</Header>
                  <Collection items={section.items}>
                    {(one) => (
                      <MenuItem id={one.name} className="opt" textValue={one.name}>
                        {one.name}
                      </MenuItem>
                    )}
                  </Collection>
                </MenuSection>
              )}
            </Collection>
            {narrowed(search) && !here && (
              <MenuItem id={KEEP} className="opt" textValue="Save this view">
                <BookmarkPlus size={15} aria-hidden />
                Save this view …
              </MenuItem>
            )}
            {mine && (
              <MenuItem id={DROP} className="opt" textValue={`Delete the view ${mine.name}`}>
                <Trash2 size={15} aria-hidden />
                Delete the view {mine.name}
              </MenuItem>
            )}
          </Menu>
        </Popover>
      </MenuTrigger>
      <Sheet open={naming} close={() => setNaming(false)} title="Save this view">
        <form className="stack" onSubmit={send}>
          <TextField name="name" isRequired autoFocus maxLength={40}>
            <Label>Its name</Label>
            <Input className="field" />
          </TextField>
          <div className="actions">
            <Button className="btn" onPress={() => setNaming(false)}>
              Cancel
            </Button>
            <Button className="btn primary" type="submit">
              Save view
            </Button>
          </div>
        </form>
      </Sheet>
    </>
  );
}
