using System.Runtime.InteropServices;
using System.Text;
using Gateway.Dataplane.Io.Interop;

namespace Gateway.Dataplane.Io.Takeover;

/// <summary>Switches of a device that netlink does not have: sysctls (of the calling thread's namespace) and ethtool flags.</summary>
internal static unsafe class DeviceSettings
{
    private const uint _getFlags = 0x25, _setFlags = 0x26, _largeReceive = 1 << 15;

    /// <summary>The value of net.ipv6.conf.DEVICE.disable_ipv6, null where there is no IPv6.</summary>
    public static string? ReadDisableIpv6(string device)
    {
        string path = Sysctl(6, device, "disable_ipv6");
        return File.Exists(path) ? File.ReadAllText(path).Trim() : null;
    }

    /// <summary>Writes a per-device sysctl where it exists; returns whether it did.</summary>
    public static bool TryWrite(int version, string device, string key, string value)
    {
        string path = Sysctl(version, device, key);
        if (!File.Exists(path)) return false;
        try
        {
            File.WriteAllText(path, value);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Whether the device merges packets itself at receive.</summary>
    public static bool HasLargeReceive(string device)
    {
        (uint Command, uint Flags) value = (_getFlags, 0);
        return Ethtool(device, &value) && (value.Flags & _largeReceive) != 0;
    }

    public static void SetLargeReceive(string device, bool on)
    {
        (uint Command, uint Flags) value = (_getFlags, 0);
        if (!Ethtool(device, &value)) return;
        value = (_setFlags, on ? value.Flags | _largeReceive : value.Flags & ~_largeReceive);
        _ = Ethtool(device, &value);
    }

    private static string Sysctl(int version, string device, string key) => $"/proc/sys/net/ipv{version}/conf/{device}/{key}";

    /// <summary>struct ifreq: the name in 16 bytes, then a pointer to the command.</summary>
    private static bool Ethtool(string device, void* command)
    {
        const nuint ethtool = 0x8946;
        byte* request = stackalloc byte[40];
        Span<byte> bytes = new(request, 40);
        bytes.Clear();
        Encoding.ASCII.GetBytes(device.AsSpan(0, Math.Min(device.Length, 15)), bytes);
        MemoryMarshal.Write(bytes[16..], (nint)command);
        using Descriptor socket = Libc.OpenSocket(Libc.AfInet, Libc.SockDatagram, 0);
        return Libc.TryControl(socket, ethtool, request);
    }
}
