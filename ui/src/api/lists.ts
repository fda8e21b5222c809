// Lists by pages, as the server gives them: the next page is asked for when its beginning comes into sight.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";

type Page<T> = { items: T[]; next?: string | null };

export function useList<T>(key: unknown[], load: (after: string | undefined) => Promise<Page<T>>, every?: number) {
  const query = useInfiniteQuery({
    queryKey: key,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => load(pageParam),
    getNextPageParam: (last) => last.next ?? undefined,
    refetchInterval: every,
    // Comparing every page with itself whenever one comes costs more than drawing what is in sight.
    structuralSharing: false,
  });
  const items = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  return { ...query, items };
}
