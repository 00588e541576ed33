using System.Diagnostics;

namespace Gateway.Interop.Net;

/// <summary>One network namespace of a test: runs commands, background programs and code of the test itself inside.</summary>
public sealed class Netns(string name)
{
    private readonly List<BackgroundProcess> _started = [];

    /// <summary>The name as <c>ip netns</c> knows it.</summary>
    public string Name { get; } = name;

    /// <summary>The file that setns(2) takes.</summary>
    public string Path => "/run/netns/" + Name;

    /// <summary>Runs a shell command inside and returns its output; throws with the output when it fails.</summary>
    public string Must(string command, int timeoutSeconds = 30) => Shell.Must("ip", Inside(command), timeoutSeconds);

    /// <summary>Runs a shell command inside and returns exit code and output.</summary>
    public ShellResult Try(string command, int timeoutSeconds = 30) => Shell.Try("ip", Inside(command), timeoutSeconds);

    /// <summary>Starts a program inside that runs until it is disposed, or until the topology is.</summary>
    public BackgroundProcess Start(string command, IReadOnlyDictionary<string, string>? environment = null)
    {
        BackgroundProcess started = new("ip", Inside("exec " + command), environment);
        lock (_started) _started.Add(started);
        return started;
    }

    /// <summary>Runs code of this process on a thread of its own that lives in the namespace. Sockets opened there stay there.</summary>
    public T Run<T>(Func<T> inside) => NamespaceThread.Run(Path, inside);

    /// <inheritdoc cref="Run{T}(Func{T})"/>
    public void Run(Action inside) => NamespaceThread.Run(Path, () => { inside(); return true; });

    public void Sysctl(string key, int value) => Must($"sysctl -qw {key}={value}");

    public void Address(string device, string address) =>
        Must($"ip addr add {address} dev {device}" + (address.Contains(':', StringComparison.Ordinal) ? " nodad" : ""));

    public void Route(string to, string via) => Must($"ip {(via.Contains(':', StringComparison.Ordinal) ? "-6 " : "")}route add {to} via {via}");

    public string Mac(string device) => Must($"cat /sys/class/net/{device}/address").Trim();

    internal void StopAll()
    {
        lock (_started)
        {
            foreach (BackgroundProcess process in _started) process.Dispose();
            _started.Clear();
        }
    }

    private string[] Inside(string command) => ["netns", "exec", Name, "sh", "-c", command];

    /// <summary>Waits until a condition holds, looking every 20 ms; throws with the sentence when it does not within the time.</summary>
    public static void Await(Func<bool> condition, string sentence, int timeoutSeconds = 20)
    {
        Stopwatch watch = Stopwatch.StartNew();
        while (!condition())
        {
            if (watch.Elapsed.TotalSeconds > timeoutSeconds) throw new TimeoutException($"Waited {timeoutSeconds} s in vain: {sentence}");
            Thread.Sleep(20);
        }
    }
}
