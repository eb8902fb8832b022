ws-recording/2 role=server max=1048576,-,65536 text=checked rsv=0 lengths=shortest started=2026-11-26T03:28:57.2039883Z dropped=0 state=open
| +2504 @0 <8185.68656c6c6f
| +3091 @11 >text.6
| +3540 @11 >close.0fa0656e6f756768
| +5188 @11 <8885.03e8627965
| +5215 @22 <end
