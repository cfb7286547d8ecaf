// The umbrella: `import Plait` gives layers 1 to 7.
@_exported public import PlaitLoop
@_exported public import PlaitNet
@_exported public import PlaitParking
@_exported public import PlaitPlatform
@_exported public import PlaitProcesses
@_exported public import PlaitRemote
@_exported public import PlaitSelectors
@_exported public import PlaitStrands
@_exported public import PlaitSync
