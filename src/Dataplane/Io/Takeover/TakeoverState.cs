using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gateway.Dataplane.Io.Takeover;

/// <summary>What a device was like before the gateway took it: all that is needed to give it back.</summary>
internal sealed record TakenDevice
{
    public required string Name { get; init; }

    /// <summary>The kernel's number; under another one it is another device, to which the addresses do not belong.</summary>
    public required int Index { get; init; }

    public required bool WasUp { get; init; }

    /// <summary>The former value of net.ipv6.conf.DEVICE.disable_ipv6; null where the kernel has no IPv6.</summary>
    public string? DisableIpv6 { get; init; }

    /// <summary>Whether the device merged received packets itself (LRO), which loses what is needed to forward them.</summary>
    public bool HadLargeReceive { get; init; }

    public IReadOnlyList<KernelEntry> Addresses { get; init; } = [];

    public IReadOnlyList<KernelEntry> Routes { get; init; } = [];
}

/// <summary>An address or route in words for a person, and as the kernel described it for putting it back.</summary>
internal sealed record KernelEntry(string Text, byte[] Message);

/// <summary>The file that remembers taken devices over a crash. It is written before the kernel is changed, and removed when nothing is taken any more.</summary>
internal sealed record TakeoverState
{
    private const UnixFileMode _ownerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private static readonly JsonSerializerOptions _json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip,
    };

    public int Version { get; init; } = 1;

    /// <summary>Another boot means that the host has set its devices up anew.</summary>
    public required string BootId { get; init; }

    /// <summary>The network namespace that the devices live in.</summary>
    public required string Namespace { get; init; }

    /// <summary>Who took them, with the start time that tells it from a later process of the same number.</summary>
    public required int ProcessId { get; init; }

    public required string ProcessStart { get; init; }

    public IReadOnlyList<TakenDevice> Devices { get; init; } = [];

    /// <summary>A state of this process, on this boot, in the calling thread's namespace.</summary>
    public static TakeoverState Own() => new()
    {
        BootId = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim(),
        Namespace = new FileInfo("/proc/thread-self/ns/net").LinkTarget ?? "",
        ProcessId = Environment.ProcessId,
        ProcessStart = StartOf(Environment.ProcessId) ?? "",
    };

    /// <summary>Whether the process that wrote it still lives.</summary>
    [JsonIgnore]
    public bool IsHeld => StartOf(ProcessId) is { } start && start == ProcessStart;

    /// <summary>Reads the file; null when there is none. A damaged one throws <see cref="InvalidDataException"/>: what it held cannot be guessed.</summary>
    public static TakeoverState? Read(string path)
    {
        if (!File.Exists(path)) return null;
        try
        {
            return JsonSerializer.Deserialize<TakeoverState>(File.ReadAllBytes(path), _json) ?? throw new JsonException("it is empty");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path} is damaged ({e.Message}); it says which addresses and routes the gateway took from the host. Look at them and remove the file.", e);
        }
    }

    /// <summary>Writes it whole or not at all, readable by the owner only, and on disk before it returns; removes the file when no device is taken.</summary>
    public void Write(string path)
    {
        if (Devices.Count == 0)
        {
            File.Delete(path);
            return;
        }

        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        Directory.CreateDirectory(folder);
        string fresh = path + ".new";
        using (FileStream file = new(fresh, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = _ownerOnly }))
        {
            JsonSerializer.Serialize(file, this, _json);
            file.Flush(flushToDisk: true);
        }

        File.Move(fresh, path, overwrite: true);
    }

    /// <summary>Field 22 of /proc/PID/stat, counted behind the name, which may hold anything.</summary>
    private static string? StartOf(int process)
    {
        try
        {
            string stat = File.ReadAllText($"/proc/{process}/stat");
            return stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[19];
        }
        catch (IOException)
        {
            return null;
        }
        catch (UnauthorizedAccessException)
        {
            return null;
        }
    }
}
