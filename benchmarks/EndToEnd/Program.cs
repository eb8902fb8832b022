// Compares echo servers: dotnet run -c Release --project benchmarks/EndToEnd -- [--seconds S] [--rounds N] [--against SERVER] [SCENARIO ...]
// Against Kestrel, or `measured`: ours with a listener to its metrics; or another build of this program, by its path.
// or what connections take: dotnet run -c Release --project benchmarks/EndToEnd -- --memory [CONNECTIONS]
// Each server is a process of its own, so that its CPU time can be told from the client's; the rounds are interleaved, so
// that what else the machine does hits both alike. The ratios are what counts.
using EndToEnd;

if (args is ["--server", var name, var deflate, .. var at])
{
    Servers.Run(name, Enum.Parse<Deflate>(deflate), at is [var port] ? int.Parse(port) : 0);
    return 0;
}

if (args is ["--memory", .. var count])
{
    ConnectionMemory.Compare(count is [var number] ? int.Parse(number) : 500);
    return 0;
}

var seconds = TimeSpan.FromSeconds(2);
var rounds = 3;
var other = "kestrel";
var wanted = new List<string>();
for (var i = 0; i < args.Length; i++)
{
    if (args[i] == "--seconds" && i + 1 < args.Length)
        seconds = TimeSpan.FromSeconds(double.Parse(args[++i]));
    else if (args[i] == "--rounds" && i + 1 < args.Length)
        rounds = int.Parse(args[++i]);
    else if (args[i] == "--against" && i + 1 < args.Length)
        other = args[++i];
    else
        wanted.Add(args[i]);
}

var unknown = wanted.Except(Scenario.All.Select(scenario => scenario.Name)).ToArray();
if (unknown.Length > 0)
{
    Console.Error.WriteLine(
        $"unknown: {string.Join(' ', unknown)}; there are: {string.Join(' ', Scenario.All.Select(s => s.Name))}"
    );
    return 2;
}

var scenarios = Scenario.All.Where(scenario => wanted.Count == 0 || wanted.Contains(scenario.Name));
Console.WriteLine(
    $"{"scenario", -8} {"ours/s", 10} {"other/s", 10} {"ratio", 6}   {"ours/cpu-s", 11} {"other/cpu-s", 13} {"ratio", 6}"
);
foreach (var scenario in scenarios)
    Console.WriteLine(Comparison.Run(scenario, other, seconds, rounds));
return 0;
