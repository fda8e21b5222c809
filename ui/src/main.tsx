import "./fonts.css";
import "./theme.css";
import "./shell/shell.css";
import { QueryClient, QueryClientProvider, useQuery } from "@tanstack/react-query";
import { createRootRoute, createRoute, createRouter, RouterProvider } from "@tanstack/react-router";
import { lazy, StrictMode, Suspense, useEffect, useState, type ReactNode } from "react";
import { createRoot } from "react-dom/client";
import { onSignedOut, Refused } from "./api/client";
import { meQuery, useMay } from "./api/session";
import { live } from "./live/hooks";
import { pageAt, PAGES, type Page } from "./pages";
import { Trouble, Waiting } from "./parts/Wait";
import { Shell } from "./shell/Shell";

// Who is signed in needs neither; who is not waits a moment longer for them.
const Login = lazy(() => import("./shell/Login"));
const NewPassword = lazy(() => import("./shell/NewPassword"));

const root = createRootRoute({ component: Shell, notFoundComponent: Nowhere });
const routes = PAGES.map((page) =>
  createRoute({
    getParentRoute: () => root,
    path: page.path,
    component: () => <View page={page} />,
  }),
);
const router = createRouter({ routeTree: root.addChildren(routes), defaultErrorComponent: ({ error }) => <Trouble error={error} /> });

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      // What the server refused it refuses again; what could not be reached may be there in a moment.
      retry: (tries, error) => !(error instanceof Refused && error.problem.status < 500) && tries < 2,
    },
  },
});
onSignedOut(() => {
  live.close();
  client.setQueryData(meQuery.queryKey, null);
});

/** A page, or why it stays shut: what the role may not ask for is not asked for. */
function View({ page }: { page: Page }) {
  const may = useMay();
  if (!may(page.may)) return <Shut title={page.name}>Your role does not open this page. An Admin can change what it may do.</Shut>;
  return (
    <Suspense fallback={<Waiting rows={6} />}>
      <page.view />
    </Suspense>
  );
}

function Nowhere() {
  return <Shut title="No such page">Nothing is at this address. The side bar and the search lead to every page.</Shut>;
}

function Shut({ title, children }: { title: string; children: ReactNode }) {
  return (
    <>
      <h1>{title}</h1>
      <p className="muted">{children}</p>
    </>
  );
}

// A page's code comes while the server is asked who is signed in; one that fails to come is asked for again when it is shown.
const code = pageAt(location.pathname)?.load().catch(() => undefined);

function Door() {
  const me = useQuery(meQuery);
  const [there, setThere] = useState(code === undefined);
  useEffect(() => void code?.then(() => setThere(true)), []);
  if (me.error) return <Trouble error={me.error} again={() => void me.refetch()} />;
  if (me.data === undefined) return <Waiting />;
  if (me.data === null) return <Login />;
  if (me.data.must_change_password) return <NewPassword />;
  if (!there) return <Waiting />;
  return <RouterProvider router={router} />;
}


createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <Suspense fallback={<Waiting />}>
        <Door />
      </Suspense>
    </QueryClientProvider>
  </StrictMode>,
);
