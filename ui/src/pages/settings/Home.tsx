// How much room there is, and whether what is kept is encrypted.
import { useQuery } from "@tanstack/react-query";
import { HardDrive, Lock, LockOpen } from "lucide-react";
import { api, told } from "../../api/client";
import { Card } from "../../parts/Card";
import { Meter } from "../../parts/Meter";
import { bytes } from "../../parts/say";
import { Of } from "../../parts/Wait";

export function Home() {
  const home = useQuery({ queryKey: ["home"], refetchInterval: 30_000, queryFn: () => told(api.GET("/api/v1/home")) });
  return (
    <Card title="Storage and encryption" icon={HardDrive}>
      <Of query={home} rows={4}>
        {(found) => (
          <div className="stack">
            <dl className="meters">
              {(
                [
                  ["Your datasets and uploads", found.own],
                  ["Everybody's datasets and uploads", found.everybody],
                  ["The disk", found.disk],
                ] as const
              ).map(([name, room]) => (
                <div key={name}>
                  <dt>{name}</dt>
                  <dd>
                    <Meter label={name} done={room.used} total={Math.max(1, room.most)} />
                    <span className="num">
                      {bytes(room.used)} of {bytes(room.most)}
                    </span>
                  </dd>
                </div>
              ))}
            </dl>
            <p className="verdict flat" data-ok={found.sealed || undefined}>
              {found.sealed ? <Lock size={18} aria-hidden /> : <LockOpen size={18} aria-hidden />}
              <span>
                {found.sealed
                  ? "Artifacts and datasets are encrypted on the disk."
                  : "Artifacts and datasets lie on the disk in clear. Whoever starts the server begins encryption with engram up --seal."}
              </span>
            </p>
            <p className="muted sm">Engram {found.version}</p>
          </div>
        )}
      </Of>
    </Card>
  );
}
