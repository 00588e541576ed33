using Gateway.Interop.Net;

namespace Gateway.Interop.Lab;

/// <summary>tcpdump on one device of a namespace, into a file that is gone after the test.</summary>
public sealed class PacketCapture : IDisposable
{
    private readonly BackgroundProcess _tcpdump;
    private readonly string _folder = Directory.CreateTempSubdirectory("gwcap-").FullName;
    private bool _stopped;

    public PacketCapture(Netns ns, string device, string filter = "")
    {
        File = Path.Combine(_folder, "capture.pcap");
        _tcpdump = ns.Start($"tcpdump -U --immediate-mode -n -Z root -i {device} -w {File} {filter}");
        Netns.Await(() => _tcpdump.HasExited || _tcpdump.Output.Contains("listening on", StringComparison.Ordinal), "tcpdump listens");
        if (_tcpdump.HasExited) throw new InvalidOperationException($"tcpdump: {_tcpdump.Output}");
    }

    /// <summary>The capture; whole only after <see cref="Stop"/>.</summary>
    public string File { get; }

    /// <summary>Ends the capture with what was captured so far written out.</summary>
    public void Stop()
    {
        if (_stopped) return;
        _stopped = true;
        Thread.Sleep(500); // tcpdump itself may still have to be given the processor to write the last packets.
        _tcpdump.Terminate();
        _tcpdump.WaitForExit(10);
    }

    public void Dispose()
    {
        _tcpdump.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
