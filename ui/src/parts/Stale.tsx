// Somebody else changed the thing while it was being edited: see theirs, or go on and write over it knowingly.
import { GitMerge } from "lucide-react";
import { Button } from "react-aria-components";

export function Stale({ load }: { load: () => void }) {
  return (
    <div className="trouble warn" role="alert">
      <GitMerge size={18} aria-hidden />
      <div>
        <p>Somebody else changed this while you did. Nothing of yours was saved.</p>
        <p className="muted sm">Load theirs, and change it again where it still needs it.</p>
      </div>
      <Button className="btn" onPress={load}>
        Load theirs
      </Button>
    </div>
  );
}
