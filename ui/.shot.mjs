import { chromium } from "@playwright/test";
const [,, ...wanted]=process.argv;
const base="http://127.0.0.1:3172";
const b=await chromium.launch({executablePath:"/usr/bin/chromium",args:"--no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update --disable-sync --disable-quic".split(" ")});
const c=await b.newContext(); 
const r=await c.request.post(base+"/api/v1/sessions",{data:{name:"admin",password:"a long enough one 7",cookie:true},headers:{Origin:base}});
if(!r.ok())console.log(r.status(),await r.text());
for(const w of wanted){const [path,width,theme,name,act]=w.split("@");
 const p=await c.newPage();await p.setViewportSize({width:+width,height:+width>800?1000:844});
 p.on("console",m=>{if(["error","warning"].includes(m.type()))console.log(name,m.text())});p.on("pageerror",e=>console.log(name,"ERR",e.message));
 await p.addInitScript(t=>localStorage.setItem("theme",t),theme);
 await p.goto(base+path);await p.waitForTimeout(2500);
 if(act)await eval(`(async()=>{${act}})()`);
 const over=await p.evaluate(()=>document.documentElement.scrollWidth-innerWidth);if(over>0)console.log(name,"overflow",over);
 await p.screenshot({path:`/tmp/s11/shots-shell/${name}.png`});await p.close();}
await b.close();
