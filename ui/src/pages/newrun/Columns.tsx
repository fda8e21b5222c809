// Which column of the chosen dataset plays which role, as the task would read it; a wrong one is told beside it.
import { useQuery } from "@tanstack/react-query";
import { ChevronDown } from "lucide-react";
import { Button, Label, ListBox, ListBoxItem, Popover, Select, SelectValue } from "react-aria-components";
import { api, told } from "../../api/client";
import { onlySource, useDatasets } from "./DataSource";
import type { Editing } from "./editing";
import { nameOf } from "./fields";
import { at } from "./yaml";

export function Columns({ edit }: { edit: Editing }) {
  const datasets = useDatasets();
  const source = onlySource(edit.data);
  const dataset = datasets.data?.items.find((one) => source?.dataset && [one.name, one.digest].includes(String(source.dataset)));
  const [kind, task] = [String(edit.data.kind ?? ""), String(edit.data.task ?? "")];
  const columns = at(edit.data, ["data", "columns"]);
  const given = typeof columns === "object" && columns !== null && !Array.isArray(columns) ? columns : {};
  const pairs = Object.entries(given).map(([role, column]) => `${role}=${String(column)}`).join(",");
  const preview = useQuery({
    queryKey: ["dataset", dataset?.id, "columns", kind, task, pairs],
    enabled: Boolean(dataset && kind && task),
    placeholderData: (before) => before,
    queryFn: () => told(api.GET("/api/v1/datasets/{dataset}/preview", { params: { path: { dataset: dataset!.id }, query: { rows: 20, kind, task, columns: pairs } } })),
  });
  if (!dataset || !preview.data) return null;
  const { mapping, columns: names } = preview.data;
  return (
    <>
      {mapping.roles.map((role) => (
        <Select
          key={role.role}
          className="fieldrow"
          selectedKey={role.found ? role.column : null}
          onSelectionChange={(column) => edit.put(["data", "columns", role.role], String(column))}
          isDisabled={edit.broken}
          isInvalid={role.needed && !role.found}
          placeholder={role.needed ? "Choose a column" : "No column"}
        >
          <Label>{nameOf(role.role)}</Label>
          <Button className="btn selbtn">
            <SelectValue />
            <ChevronDown size={16} aria-hidden />
          </Button>
          {role.needed && !role.found && <span className="fault">The data has no column {role.column}; {role.what}.</span>}
          <Popover className="pop">
            <ListBox>
              {names.map((name) => (
                <ListBoxItem key={name} id={name} className="opt" textValue={name}>
                  {name}
                </ListBoxItem>
              ))}
            </ListBox>
          </Popover>
        </Select>
      ))}
      {(mapping.roles.every((role) => role.found || !role.needed) ? mapping.problems : []).map((one) => (
        <p key={one} className="fault">
          {one}
        </p>
      ))}
    </>
  );
}
