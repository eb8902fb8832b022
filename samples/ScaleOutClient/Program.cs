// Shows what several processes behind a proxy do for their clients; ends some of the processes on its way:
//   ScaleOutClient PROXY_SOCKET NAME=PID NAME=PID NAME=PID
using System.Diagnostics;
using ScaleOutClient;

if (args.Length < 4)
{
    Console.Error.WriteLine("usage: ScaleOutClient PROXY_SOCKET NAME=PID NAME=PID NAME=PID");
    return 2;
}
var proxy = args[0];
var processes = args.Skip(1)
    .ToDictionary(arg => arg.Split('=')[0], arg => int.Parse(arg.Split('=')[1]));

// The proxy deals the clients out in turn.
using var ada = new RoomClient(proxy, "lobby");
using var bob = new RoomClient(proxy, "lobby");
using var cyd = new RoomClient(proxy, "lobby");
RoomClient[] people = [ada, bob, cyd];
await Check.Until(
    "three clients are served by three processes",
    () => people.Select(client => client.Process).Where(name => name != "").Distinct().Count() == 3
);

await CrossTo();
await SameOrder();
await ComeAndGo();
await BeSlow();
await SurviveKill();
await SurviveStop();
Console.WriteLine($"{Check.Passed} passed, {Check.Failed} failed");
return Check.Failed == 0 ? 0 : 1;

async Task CrossTo()
{
    var home = ada.Process;
    await ada.Say("hello");
    await Check.Until(
        "what is said in one process is heard in the others",
        () =>
            people.All(client =>
                client.Entries is [{ Text: "hello" } entry] && entry.Process == home
            )
    );
}

async Task SameOrder()
{
    await Task.WhenAll(people.Select((client, who) => SayAll(client, $"{who}:", 100)));
    await Check.Until(
        "all hear the same in the same order, whoever said it",
        () =>
            ada.Entries.Length == 301
            && people.All(client => client.Entries.SequenceEqual(ada.Entries))
    );
}

// Who joins while others talk gets the past from the stream, the rest from the reader, and each entry once.
async Task ComeAndGo()
{
    using var talker = new RoomClient(proxy, "busy");
    await Check.Until("there is somebody to talk", () => talker.Process != "");
    var talking = SayAll(talker, "", 1000);
    var (seen, lastId) = (new List<string>(), "0-0");
    while (seen.Count < 1000)
    {
        using var guest = new RoomClient(proxy, "busy", lastId);
        var enough = Math.Min(seen.Count + 150, 1000);
        if (!await Check.Wait(() => seen.Count + guest.Entries.Length >= enough))
            break;
        var heard = guest.Entries; // what comes after this look the next guest has to get again
        seen.AddRange(heard.Select(entry => entry.Text));
        lastId = heard[^1].Id;
    }
    await talking;
    Check.That(
        "a guest that came and went missed nothing and got nothing twice",
        IsCount(seen, 1000)
    );
}

// A client that doesn't read keeps nobody waiting: it is sent away, comes back, and has it all.
async Task BeSlow()
{
    using var loud = new RoomClient(proxy, "loud");
    using var slow = new RoomClient(proxy, "loud", "0-0");
    await Check.Until("both are in", () => loud.Process != "" && slow.Process != "");
    var ballast = new string('.', 16_000);
    using (slow.Pause())
    {
        await SayAll(loud, $"{ballast}:", 300);
        await Check.Until(
            "others don't wait for who doesn't read",
            () => loud.Entries.Length == 300
        );
    }
    await Check.Until("who was slow has all of it in the end", () => slow.Entries.Length >= 300);
    Check.That("and was sent away in between", slow.Connects > 1);
    Check.That(
        "each entry once",
        IsCount(slow.Entries.Select(entry => entry.Text.Split(':')[1]), 300)
    );
}

async Task SurviveKill()
{
    var (before, home) = (ada.Entries.Length, bob.Process);
    var talking = SayAll(ada, "", 600);
    await Check.Until("the talk is under way", () => bob.Entries.Length > before + 100);
    Process.GetProcessById(processes[home]).Kill(); // SIGKILL: no goodbye
    await talking;
    await Check.Until(
        "who was served by a process that was killed is served by another",
        () => bob.Process != "" && bob.Process != home
    );
    await Check.Until("and hears the rest", () => bob.Entries.Length >= before + 600);
    Check.That(
        "without a gap, and nothing twice",
        IsCount(bob.Entries.Skip(before).Select(entry => entry.Text), 600)
    );
    Check.That(
        "the clients of other processes noticed nothing",
        ada.Connects == 1 && cyd.Connects == 1
    );
}

async Task SurviveStop()
{
    var (before, home) = (cyd.Entries.Length, cyd.Process);
    int? told = null;
    using var kill = Process.Start("kill", ["-TERM", $"{processes[home]}"]);
    await Check.Until(
        "who was served by a process that is stopped is told 1001",
        () => (told ??= cyd.CloseCode) == 1001
    );
    await ada.Say("still there?");
    await Check.Until(
        "and is served by another, too",
        () => cyd.Process == ada.Process && cyd.Entries.Length == before + 1
    );
}

static async Task SayAll(RoomClient client, string prefix, int count)
{
    for (var i = 0; i < count; i++)
        await client.Say($"{prefix}{i}");
}

// 0, 1, 2 and so on.
static bool IsCount(IEnumerable<string> texts, int count) =>
    texts.SequenceEqual(Enumerable.Range(0, count).Select(i => $"{i}"));
