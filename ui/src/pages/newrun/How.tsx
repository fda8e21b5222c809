// How the run will be begun: as a recipe that is there with changes, or as one that is saved first, under which name.
import { useQuery } from "@tanstack/react-query";
import { Button } from "react-aria-components";
import { api, told } from "../../api/client";
import type { Editing } from "./editing";
import type { Plan } from "./plan";

export function How({ plan, edit, shipped }: { plan: Plan; edit: Editing; shipped?: string }) {
  const list = useQuery({ queryKey: ["recipes"], queryFn: () => told(api.GET("/api/v1/recipes", { params: { query: { limit: 200 } } })) });
  if (edit.problems.length) return null;
  if (!plan.save) {
    return plan.set.length ? (
      <div className="how">
        <p className="sm">
          Starts {plan.template ? "the template" : plan.recipe} with {plan.set.length === 1 ? "one change" : `${plan.set.length} changes`}:
        </p>
        <ul className="mono sm">
          {plan.set.map((one) => (
            <li key={one} className="wrap">
              {one}
            </li>
          ))}
        </ul>
      </div>
    ) : null;
  }
  const there = list.data?.items.find((one) => one.name === plan.name);
  if (plan.name === shipped || there?.number === 0) {
    const mine = `my_${plan.name}`.slice(0, 64);
    return (
      <div className="how warn" role="status">
        <p className="sm">
          This is saved as a recipe first, and {plan.name} is the name of one that ships with Engram. Give it another name.
        </p>
        <Button className="btn" onPress={() => edit.put(["name"], mine)}>
          Name it {mine}
        </Button>
      </div>
    );
  }
  return (
    <p className="how sm">
      Saves this as {there ? `version ${there.number + 1} of the recipe ${plan.name}` : `the recipe ${plan.name}`} first, then starts it.
    </p>
  );
}
