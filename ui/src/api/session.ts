// Who is signed in, and what she may do.
import { queryOptions, useQuery } from "@tanstack/react-query";
import { api, Refused, renew, told, type Schemas } from "./client";

export type Me = Schemas["MeOut"];

/** Who is signed in; null for nobody. */
export const meQuery = queryOptions({
  queryKey: ["me"],
  staleTime: 60_000,
  retry: false,
  queryFn: async (): Promise<Me | null> => {
    try {
      return await told(api.GET("/api/v1/users/me"));
    } catch (error) {
      if (error instanceof Refused && error.problem.status === 401) return null;
      throw error;
    }
  },
});

/** Says whether an operation may be offered; owner: whose the thing is that it would be done to. */
export type May = (operation: string, owner?: string) => boolean;

/** Return a function that says whether an operation may be offered; the server decides again when it is asked. */
export function useMay(): May {
  const { data } = useQuery(meQuery);
  return (operation, owner) => {
    if (!data?.operations.includes(operation)) return false;
    return owner === undefined || owner === data.user || !data.own_only.includes(operation);
  };
}

export async function signIn(name: string, password: string): Promise<Schemas["SignedInOut"]> {
  return told(api.POST("/api/v1/sessions", { body: { name, password, cookie: true } }));
}

export async function signOut(): Promise<void> {
  await told(api.DELETE("/api/v1/sessions/mine"));
}

export async function changePassword(old: string, fresh: string): Promise<void> {
  await told(api.POST("/api/v1/users/me/password", { body: { old, new: fresh } }));
}

export { renew };
