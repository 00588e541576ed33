using System.Net.NetworkInformation;
using System.Security.Cryptography;
using System.Text;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Io.Interop;
using Gateway.Dataplane.Io.Memif;
using Gateway.Dataplane.Io.Netlink;
using Gateway.Dataplane.Io.Takeover;
using Gateway.Dataplane.Io.Xdp;

namespace Gateway.Dataplane.Io;

/// <summary>
/// Opens ports on devices of the kernel, keeps them up with what happens to the devices, and gives the devices back in the end. Thread-safe. Disposing a port closes it and gives its device back. A device that vanishes under an open port and comes
/// back is taken and attached again without anyone's doing.
/// </summary>
public sealed class PortFactory : IPortSource, IDisposable
{
    private readonly ControlThread _control;
    private readonly RouteNetlink _route;
    private readonly KernelTakeover _takeover;
    private readonly LinkWatcher _watcher;
    private readonly MemifHub _memif = new();
    private readonly Dictionary<string, HostPort> _hostPorts = [];
    private readonly Dictionary<string, TapPort> _taps = [];
    private readonly HashSet<IDevicePort> _open = [];
    private readonly Dictionary<string, PortSpec.HostDevice> _specs = [];
    private bool _disposed;

    /// <param name="takeoverState">File that remembers taken devices over a crash, such as /run/gateway/ID/takeover.json; null remembers nothing.</param>
    /// <param name="networkNamespace">Namespace file that the devices live in; null is the calling thread's.</param>
    public PortFactory(string? takeoverState, string? networkNamespace = null)
    {
        _control = new ControlThread(networkNamespace);
        try
        {
            (_route, _takeover) = _control.Run(() =>
            {
                RouteNetlink route = new();
                return (route, new KernelTakeover(route, takeoverState));
            });
            _watcher = _control.Run(() => new LinkWatcher(Changed));
        }
        catch
        {
            _control.Dispose();
            throw;
        }
    }

    /// <summary>A device appeared or changed, or vanished. Raised on a thread of the factory, in order; for what is there already see <see cref="Links"/>.</summary>
    public event Action<LinkChange>? LinkChanged;

    /// <summary>A device under an open port came back and could not be attached again; the sentence says why.</summary>
    public event Action<string, string>? AttachFailed;

    /// <summary>Devices of the host, as they are now.</summary>
    public IReadOnlyList<LinkInfo> Links() => _control.Run(_route.Links);

    /// <summary>Opens a port; what stands in the way is an answer, not an exception.</summary>
    public PortOpening Open(PortSpec spec, PacketPool pool) => _control.Run<PortOpening>(() =>
    {
        try
        {
            return spec switch
            {
                PortSpec.HostDevice device => OpenHostDevice(device, pool),
                PortSpec.Tap tap => OpenTap(tap, pool),
                PortSpec.Memif memif => OpenMemif(memif, pool),
                _ => throw new System.Diagnostics.UnreachableException(),
            };
        }
        catch (KernelException e) when (e.IsPermission)
        {
            return new PortOpening.NoPermission(e.Operation.Split(' ')[0] switch { "setns" => Capabilities.SysAdmin, "bpf" => Capabilities.Bpf, _ => Capabilities.NetAdmin });
        }
        catch (KernelException e) when (e.Errno is Errors.NoDevice or Errors.NoDeviceOrAddress)
        {
            return new PortOpening.DeviceMissing(spec.Device);
        }
        catch (IOException e)
        {
            return new PortOpening.Refused(e.Message);
        }
    });

    /// <summary>Closes a port that no worker uses any more, and gives its device back to the host; the same as disposing the port.</summary>
    public void Close(IDevicePort port) => port.Dispose();

    /// <summary>Makes the TAP behind which the host's own stack lives, see docs/punt.md.</summary>
    public PuntTap OpenPunt(PuntOptions options, PacketPool pool)
    {
        PortSpec.Tap spec = new(options.Device) { DeviceMac = options.HostMac, Mtu = options.Mtu };
        return Open(spec, pool) switch
        {
            PortOpening.Opened opened => new PuntTap(_control, _route, options, opened.Port),
            PortOpening.NoPermission no => throw new InvalidOperationException($"The punt device {options.Device} needs the capability {no.Capability}."),
            PortOpening.Refused refused => throw new InvalidOperationException(refused.Reason),
            _ => throw new System.Diagnostics.UnreachableException(),
        };
    }

    /// <summary>Gives back devices that a former process took and this one did not; to be called once the configuration was applied. Returns their names.</summary>
    public IReadOnlyList<string> ReleaseUnclaimed() => _control.Run(_takeover.ReleaseUnclaimed);

    /// <summary>Undoes what a killed gateway left: taken devices and the rules of its punt device. Returns the devices given back.</summary>
    public static IReadOnlyList<string> Repair(string takeoverState, uint puntTable = PuntOptions.DefaultTable, string? networkNamespace = null)
    {
        using ControlThread control = new(networkNamespace);
        return control.Run<IReadOnlyList<string>>(() =>
        {
            using RouteNetlink route = new();
            PuntTap.RemoveRules(route, puntTable);
            using KernelTakeover takeover = new(route, takeoverState);
            return takeover.ReleaseUnclaimed();
        });
    }

    /// <summary>Closes what is still open and gives everything back. No worker may use a port any more.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _watcher.Dispose();
        _control.Run(() =>
        {
            foreach (IDevicePort port in _open.ToList()) port.Dispose();
            _takeover.Dispose();
            _route.Dispose();
            return true;
        });
        _memif.Dispose();
        _control.Dispose();
    }

    private PortOpening OpenHostDevice(PortSpec.HostDevice spec, PacketPool pool)
    {
        if (Capabilities.Missing(Capabilities.NetRaw, Capabilities.NetAdmin) is { } missing) return new PortOpening.NoPermission(missing);
        if (_hostPorts.ContainsKey(spec.Device)) return new PortOpening.Refused($"{spec.Device} is open already.");
        if (_route.Link(spec.Device) is not { } link) return new PortOpening.DeviceMissing(spec.Device);
        if (spec.Mtu > link.Mtu) return new PortOpening.Refused($"{spec.Device} has an MTU of {link.Mtu}, less than the {spec.Mtu} asked for.");
        if (link.Mac.GetAddressBytes().Length != 6) return new PortOpening.Refused($"{spec.Device} is not an Ethernet device.");
        if (spec is PortSpec.AfXdp xdp && !link.IsLoopback && RefusalOf(xdp, link) is { } unfit) return new PortOpening.Refused(unfit);
        if (_takeover.Take(link, spec.TakeOver) is { } refusal) return new PortOpening.Refused(refusal);
        HostPort port;
        try
        {
            link = _route.Link(spec.Device) ?? link;
            port = spec switch
            {
                PortSpec.AfPacket packet => new AfPacketPort(pool, link, packet.Queues, Closing),
                PortSpec.AfXdp express => new AfXdpPort(pool, link, express.Mode, Ethtool.ReceiveQueues(link.Name) ?? 1, Closing),
                _ => throw new System.Diagnostics.UnreachableException(),
            };
        }
        catch (KernelException e) when (e.Errno == Errors.Busy && spec is PortSpec.AfXdp)
        {
            _takeover.Release(spec.Device);
            return new PortOpening.Refused($"Another program has put an XDP program or an AF_XDP socket on {spec.Device} ({e.Message})");
        }
        catch
        {
            _takeover.Release(spec.Device);
            throw;
        }

        _open.Add(port);
        _hostPorts[spec.Device] = port;
        _specs[spec.Device] = spec;
        return new PortOpening.Opened(port, link.Mac, spec.Mtu ?? link.Mtu);
    }

    /// <summary>Why a device cannot be used through AF_XDP; null when it can.</summary>
    private static string? RefusalOf(PortSpec.AfXdp spec, LinkInfo link)
    {
        if (Capabilities.Missing(Capabilities.Bpf) is not null && Capabilities.Missing(Capabilities.SysAdmin) is not null) return $"The gateway lacks the capability {Capabilities.Bpf}.";
        if (link.Mtu > AfXdpPort.LongestMtu) return $"{spec.Device} has an MTU of {link.Mtu}, and af-xdp carries at most {AfXdpPort.LongestMtu}.";
        int queues = Ethtool.ReceiveQueues(spec.Device) ?? 1;
        if (queues > 64) return $"{spec.Device} has {queues} receive queues, and at most 64 can be served; 'ethtool -L {spec.Device}' makes them fewer.";
        return spec.Queues is { } wanted && wanted != queues
            ? $"{spec.Device} has {queues} receive queues and not {wanted}; all of them must be served, and 'ethtool -L {spec.Device}' sets how many there are."
            : null;
    }

    private PortOpening OpenTap(PortSpec.Tap spec, PacketPool pool)
    {
        if (Capabilities.Missing(spec.Namespace is null ? [Capabilities.NetAdmin] : [Capabilities.NetAdmin, Capabilities.SysAdmin]) is { } missing)
            return new PortOpening.NoPermission(missing);
        if (Encoding.ASCII.GetByteCount(spec.Device) > 15) return new PortOpening.Refused($"{spec.Device} is longer than the 15 characters of a device's name.");
        if (!File.Exists("/dev/net/tun")) return new PortOpening.Refused("There is no /dev/net/tun, so no TAP device can be made.");
        IReadOnlyList<TapDevice> tap;
        try
        {
            tap = TapDevice.Make(spec.Device, spec.Queues);
        }
        catch (KernelException e) when (e.Errno is Errors.Busy or Errors.Exists)
        {
            return new PortOpening.Refused($"A device {spec.Device} exists already.");
        }

        try
        {
            LinkInfo link = SetUpTap(spec);
            TapPort port = new(pool, tap, link, Closing);
            _open.Add(port);

            // The watcher sees this namespace only.
            if (spec.Namespace is null) _taps[spec.Device] = port;
            return new PortOpening.Opened(port, OwnMac(spec.Device), link.Mtu);
        }
        catch
        {
            foreach (TapDevice queue in tap) queue.Dispose();
            throw;
        }
    }

    private PortOpening OpenMemif(PortSpec.Memif spec, PacketPool pool)
    {
        try
        {
            return new PortOpening.Opened(_memif.Open(spec, pool), OwnMac(spec.Device), spec.Mtu ?? 1500);
        }
        catch (KernelException e)
        {
            // Files and sockets need no capability, so none is what is missing.
            return new PortOpening.Refused(e.Message);
        }
    }

    private LinkInfo SetUpTap(PortSpec.Tap spec)
    {
        LinkInfo made = _route.Link(spec.Device) ?? throw new KernelException("look for TAP device " + spec.Device, Errors.NoDevice);
        _route.SetLink(made.Index, mtu: spec.Mtu ?? 1500, mac: spec.DeviceMac);
        if (spec.Namespace is null)
        {
            _route.SetLink(made.Index, up: true);
            return _route.Link(spec.Device)!;
        }

        using (Descriptor target = Libc.OpenFile(spec.Namespace, 0)) _route.SetLink(made.Index, intoNamespace: target);
        return NamespaceScope.Run(spec.Namespace, () =>
        {
            using RouteNetlink there = new();
            there.SetLink(there.Link(spec.Device)!.Index, up: true);
            return there.Link(spec.Device)!;
        });
    }

    /// <summary>The gateway's own address on the wire to a TAP or a memif peer: the same at every start, so that neighbors need not learn anew, and local (second bit of the first byte).</summary>
    private static PhysicalAddress OwnMac(string device)
    {
        string machine = File.Exists("/etc/machine-id") ? File.ReadAllText("/etc/machine-id").Trim() : Environment.MachineName;
        byte[] mac = SHA256.HashData(Encoding.UTF8.GetBytes($"{machine}/{device}"))[..6];
        mac[0] = (byte)((mac[0] & 0xFC) | 0x02);
        return new(mac);
    }

    /// <summary>A port is being disposed: it is freed, and its device given back to the host.</summary>
    private void Closing(IDevicePort port) => _control.Run(() =>
    {
        _open.Remove(port);
        if (port is TapPort tap)
        {
            if (_taps.GetValueOrDefault(port.Device) == port) _taps.Remove(port.Device);
            tap.Free();
            return true;
        }

        _hostPorts.Remove(port.Device);
        _specs.Remove(port.Device);
        ((HostPort)port).Free();
        _takeover.Release(port.Device);
        return true;
    });

    private void Changed(LinkChange change)
    {
        _control.Post(() =>
        {
            if (_taps.TryGetValue(change.Device, out TapPort? tap)) tap.Seen(change.Link);
            if (_hostPorts.TryGetValue(change.Device, out HostPort? port)) Follow(port, change);
        });
        LinkChanged?.Invoke(change);
    }

    private void Follow(HostPort port, LinkChange change)
    {
        try
        {
            if (change.Link is { } link && port.TakenIndex != link.Index)
            {
                if (_takeover.TakeAgain(link, _specs[port.Device].TakeOver) is { } refusal)
                {
                    AttachFailed?.Invoke(port.Device, refusal);
                    return;
                }
            }

            port.Seen(change.Link);
        }
        catch (IOException e)
        {
            AttachFailed?.Invoke(port.Device, e.Message);
        }
    }
}
