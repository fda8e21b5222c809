// What is asked for about the measurements of a run, under the names by which it is kept.
import { queryOptions } from "@tanstack/react-query";
import { api, told } from "../../api/client";

export const curvesOf = (run: string) =>
  queryOptions({
    queryKey: ["run", run, "curves"],
    queryFn: () => told(api.GET("/api/v1/runs/{run}/metrics", { params: { path: { run }, query: { max_points: 1000 } } })),
  });

export const reportsOf = (run: string) =>
  queryOptions({
    queryKey: ["run", run, "reports"],
    queryFn: () => told(api.GET("/api/v1/runs/{run}/reports", { params: { path: { run } } })),
  });
