ws-recording/2 role=server max=1048576,-,65536 text=checked rsv=4 lengths=shortest started=2026-11-26T03:29:05.7601393Z dropped=0 state=open
| +1849 @0 <c187.68656c6c6f
| +1872 @13 >text.5
| +120261 @13 <8882.03e9
| +120337 @21 <end
