"""The routes: tables of RPC methods, a module for each service's resources."""
