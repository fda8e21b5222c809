import { ChevronRight, type LucideIcon } from "lucide-react";
import { useId, type ReactNode } from "react";
import { Button, Disclosure, DisclosurePanel, Heading } from "react-aria-components";

type Given = { title: string; icon?: LucideIcon; aside?: ReactNode; className?: string; children: ReactNode };

/** A surface with a name. */
export function Card({ title, icon: Icon, aside, className = "", children }: Given) {
  const id = useId();
  return (
    <section className={`card ${className}`} aria-labelledby={id}>
      <header>
        <h2 id={id}>
          {Icon && <Icon size={18} aria-hidden color="var(--accent-text)" />}
          {title}
        </h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

/** A surface that folds away. */
export function Fold({ title, icon: Icon, aside, className = "", children, open = true }: Given & { open?: boolean }) {
  return (
    <Disclosure className={`card disc ${className}`} defaultExpanded={open}>
      <Heading level={2}>
        <Button slot="trigger" className="trig">
          {Icon && <Icon size={18} aria-hidden color="var(--accent-text)" />}
          {title}
          {aside}
          <ChevronRight className="chev" size={18} aria-hidden />
        </Button>
      </Heading>
      <DisclosurePanel className="body">{children}</DisclosurePanel>
    </Disclosure>
  );
}
